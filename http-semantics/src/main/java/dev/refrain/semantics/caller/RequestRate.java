package dev.refrain.semantics.caller;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * How many requests an API key may make: so many a second in the long run, and so many at once. The generic cell rate
 * algorithm (ITU-T I.371, which nginx's {@code limit_req} and others use too): all that is kept is the time at which
 * the next request would be due if they came evenly. Thread-safe; a request costs one compare-and-set.
 */
public final class RequestRate {
    private final long intervalNanos;
    /** How far ahead of its time a request may come. */
    private final long toleranceNanos;

    private final AtomicLong due;

    /**
     * The rate of a key that has made no request.
     *
     * @param perSecond positive, and not so small that one request takes a century
     * @param burst requests at once, positive
     * @param now in nanoseconds, as {@link System#nanoTime}
     */
    RequestRate(double perSecond, int burst, long now) {
        this.intervalNanos = Math.round(TimeUnit.SECONDS.toNanos(1) / perSecond);
        this.toleranceNanos = intervalNanos * (burst - 1);
        this.due = new AtomicLong(now);
    }

    /**
     * Counts a request, if there may be one.
     *
     * @param now in nanoseconds, as {@link System#nanoTime}
     * @return 0 if it may be made; else nanoseconds after which there may be one, and this one does not count
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
