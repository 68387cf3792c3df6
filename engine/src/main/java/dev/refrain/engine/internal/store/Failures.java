package dev.refrain.engine.internal.store;

import java.time.Clock;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts failures and logs them, each kind at most once a minute. */
final class Failures {
    private static final Logger LOG = LoggerFactory.getLogger(ChronicleStore.class);
    private static final long QUIET_MILLIS = 60_000;

    private final StoreCounters counters;
    private final Clock clock;
    private final AtomicLong quietUntil = new AtomicLong(Long.MIN_VALUE);
    private final AtomicLong stuckQuietUntil = new AtomicLong(Long.MIN_VALUE);
    private final AtomicLong dropsQuietUntil = new AtomicLong(Long.MIN_VALUE);

    Failures(StoreCounters counters, Clock clock) {
        this.counters = counters;
        this.clock = clock;
    }

    /** Counts an entry for which there was no room. Only an entry that is too long for the store is logged. */
    void drop(int length, int maxLength) {
        counters.drops.increment();
        if (length > maxLength && mayLog(dropsQuietUntil)) {
            LOG.warn(
                    "The cache's store has no room for an entry of {} bytes, and takes none of more than {}; the "
                            + "answer is served all the same. A higher capacity would help. Reported at most once a "
                            + "minute.",
                    length,
                    maxLength);
        }
    }

    /** Counts a segment whose lock could not be had in time. */
    void stuck(int segment) {
        counters.failures.increment();
        if (mayLog(stuckQuietUntil)) {
            LOG.warn(
                    "Segment {} of the cache's store has been locked for a second, most likely by a process that was "
                            + "killed. Its entries are left alone until the lock is free, or until the store is opened "
                            + "with nobody else using it. Reported at most once a minute.",
                    segment);
        }
    }

    private boolean mayLog(AtomicLong quietUntil) {
        long now = clock.millis();
        long until = quietUntil.get();
        return now >= until && quietUntil.compareAndSet(until, now + QUIET_MILLIS);
    }

    void count(String operation, Throwable failure) {
        counters.failures.increment();
        if (mayLog(quietUntil)) {
            LOG.warn(
                    "The cache's store failed to {}; answers come from upstream instead. Reported at most once a "
                            + "minute.",
                    operation,
                    failure);
        }
    }
}
