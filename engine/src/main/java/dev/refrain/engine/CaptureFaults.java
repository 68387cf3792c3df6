package dev.refrain.engine;

import dev.refrain.engine.memory.MemoryBudget;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts and logs answers that reach their readers but are not captured or not stored. The reason is a fault of the
 * cache, or a memory budget that is used up, which is no fault. Thread-safe.
 */
final class CaptureFaults {
    private static final Logger LOG = LoggerFactory.getLogger(CaptureFaults.class);

    /** At least this many nanoseconds lie between two log lines about the memory budget. */
    static final long QUIET_NANOS = 60_000_000_000L;

    private final FailureLog captures = new FailureLog("An answer could not be captured; it is served all the same.");
    private final FailureLog puts = new FailureLog("An answer could not be stored; it is served all the same.");
    private final FailureLog notes =
            new FailureLog("The id of an answer could not be stored; it is served all the same.");

    private final Counters counters;
    private final MemoryBudget memory;
    private final LongSupplier nanos;
    /** The tick from which the next log line about the memory budget may be written. */
    private final AtomicLong quietUntil;

    private final AtomicLong reportedShortages = new AtomicLong();

    CaptureFaults(Counters counters, MemoryBudget memory, LongSupplier nanos) {
        this.counters = counters;
        this.memory = memory;
        this.nanos = nanos;
        this.quietUntil = new AtomicLong(nanos.getAsLong());
    }

    /** Counts an answer that the memory budget had no room to capture or to store, and warns at most once a minute. */
    void noRoom() {
        counters.shortages.increment();
        long now = nanos.getAsLong();
        long until = quietUntil.get();
        // Ticks may overflow, so their difference is compared.
        if (now - until >= 0 && quietUntil.compareAndSet(until, now + QUIET_NANOS)) {
            long shortages = counters.shortages.sum();
            LOG.warn(
                    "The memory budget of {} bytes is used up: {} answers were passed on without being stored since "
                            + "this was last reported. A larger heap (-Xmx) gives it more. Reported at most once a "
                            + "minute.",
                    memory.limitBytes(),
                    shortages - reportedShortages.getAndSet(shortages));
        }
    }

    void notCaptured(Throwable fault) {
        counters.failures.increment();
        captures.add(fault);
    }

    void notStored(Throwable fault) {
        counters.failures.increment();
        puts.add(fault);
    }

    void idNotStored(Throwable fault) {
        counters.failures.increment();
        notes.add(fault);
    }
}
