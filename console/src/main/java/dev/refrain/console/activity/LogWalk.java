package dev.refrain.console.activity;

import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Reads the log backwards from its end, until a time limit. It holds one batch at a time, and takes the log's lock anew
 * for each, so other queries wait for one batch at most. One use; not thread-safe.
 */
final class LogWalk {
    /** Where batches come from: see {@link Recorder#batchBefore}. */
    @FunctionalInterface
    interface Source {
        List<Activity> batchBefore(long sequence, long sinceMillis);
    }

    private final Source source;
    private final LongSupplier ticker;
    private final long maxNanos;

    /**
     * A walk that has not begun.
     *
     * @param ticker monotonic time in nanoseconds
     * @param maxNanos after which no further batch is read
     */
    LogWalk(Source source, LongSupplier ticker, long maxNanos) {
        this.source = source;
        this.ticker = ticker;
        this.maxNanos = maxNanos;
    }

    /** Gives the consumer all requests that the filter lets through, the latest first. */
    Reach walk(Filter filter, Consumer<Activity> each) {
        long begin = ticker.getAsLong();
        long before = Long.MAX_VALUE;
        long records = 0;
        long oldest = Long.MAX_VALUE;
        while (true) {
            List<Activity> batch = source.batchBefore(before, filter.sinceMillis());
            if (batch.isEmpty()) {
                return new Reach(true, records, oldest);
            }
            for (int i = batch.size() - 1; i >= 0; i--) {
                Activity activity = batch.get(i);
                if (activity.sequence() < before) {
                    records++;
                    oldest = Math.min(oldest, activity.createdAtMillis());
                    if (filter.matches(activity)) {
                        each.accept(activity);
                    }
                }
            }
            before = Math.min(before, batch.get(0).sequence());
            if (ticker.getAsLong() - begin > maxNanos) {
                return new Reach(before <= 1, records, oldest);
            }
        }
    }
}
