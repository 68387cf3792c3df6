package dev.refrain.engine.internal.store;

import java.time.Clock;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts what went wrong and says so in the log, but not for every single call. */
final class Failures {
    private static final Logger LOG = LoggerFactory.getLogger(ChronicleStore.class);
    private static final long QUIET_MILLIS = 60_000;

    private final Tally tally;
    private final Clock clock;
    private final AtomicLong quietUntil = new AtomicLong(Long.MIN_VALUE);
    private final AtomicLong dropsQuietUntil = new AtomicLong(Long.MIN_VALUE);

    Failures(Tally tally, Clock clock) {
        this.tally = tally;
        this.clock = clock;
    }

    /** Counts an entry for which there was no room. */
    void drop(int length, int maxLength) {
        tally.drops.increment();
        if (isWorthSaying(dropsQuietUntil)) {
            LOG.warn(
                    "The cache's store has no room for an entry of {} bytes, and takes none of more than {}; the answer is served all"
                            + " the same. A higher capacity would help. Reported at most once a minute.",
                    length,
                    maxLength);
        }
    }

    private boolean isWorthSaying(AtomicLong quietUntil) {
        long now = clock.millis();
        long until = quietUntil.get();
        return now >= until && quietUntil.compareAndSet(until, now + QUIET_MILLIS);
    }

    void count(String operation, Throwable failure) {
        tally.failures.increment();
        if (isWorthSaying(quietUntil)) {
            LOG.warn(
                    "The cache's store failed to {}; answers come from upstream instead. Reported at most once a minute.",
                    operation,
                    failure);
        }
    }
}
