package dev.refrain.engine.internal.store;

import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;

/** Counts what went wrong and says so in the log, but not for every single call. */
final class Failures {
    private static final long QUIET_MILLIS = 60_000;

    private final Tally tally;
    private final Logger log;
    private final AtomicLong quietUntil = new AtomicLong(Long.MIN_VALUE);

    Failures(Tally tally, Logger log) {
        this.tally = tally;
        this.log = log;
    }

    void count(String operation, Throwable failure, long nowMillis) {
        tally.failures.increment();
        long until = quietUntil.get();
        if (nowMillis >= until && quietUntil.compareAndSet(until, nowMillis + QUIET_MILLIS)) {
            log.warn(
                    "The cache's store failed to {} an entry; answers come from upstream instead. Reported at most once a minute.",
                    operation,
                    failure);
        }
    }
}
