package dev.refrain.semantics.caller;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Limits the requests of one API key to a rate in the long run, and to a burst at once. Uses the generic cell rate
 * algorithm (ITU-T I.371), as nginx's {@code limit_req} does. Its whole state is the time at which the next request
 * would be due if requests came evenly. Thread-safe; a request costs one compare-and-set.
 */
public final class RequestRate {
    private final long intervalNanos;
    /** How long before its due time a request may come. */
    private final long toleranceNanos;

    private final AtomicLong due;

    /**
     * The rate of a key that has made no request.
     *
     * @param perSecond positive; the interval between two requests must be shorter than a century
     * @param burst requests at once, positive
     * @param now in nanoseconds, as {@link System#nanoTime}
     */
    RequestRate(double perSecond, int burst, long now) {
        this.intervalNanos = Math.round(TimeUnit.SECONDS.toNanos(1) / perSecond);
        this.toleranceNanos = intervalNanos * (burst - 1);
        this.due = new AtomicLong(now);
    }

    /**
     * Counts a request if it is allowed.
     *
     * @param now in nanoseconds, as {@link System#nanoTime}
     * @return 0 if the request is allowed; else nanoseconds until one is, and this one does not count
     */
    public long take(long now) {
        while (true) {
            long next = due.get();
            long ahead = next - now;
            if (ahead > toleranceNanos) {
                return ahead - toleranceNanos;
            }
            if (due.compareAndSet(next, Math.max(ahead, 0) + now + intervalNanos)) {
                return 0;
            }
        }
    }
}
