package dev.refrain.console.activity;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.PriorityQueue;

/** The value by which requests are sorted, the greatest first. Of equal requests the latest comes first. */
public enum Order {
    /** By their place in the log. */
    TIME,
    /** By how long they took. */
    DURATION,
    /** By the tokens that were used for them. */
    TOKENS_USED,
    /** By the tokens that the cache saved. */
    TOKENS_SAVED,
    /** By the time that the cache saved. */
    TIME_SAVED,
    /** By what they cost. */
    COST,
    /** By the money that the cache saved. */
    MONEY_SAVED,
    /** By the bytes of their responses. */
    BYTES;

    /** The name in the API. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    private long of(Activity activity) {
        return switch (this) {
            case TIME -> activity.sequence();
            case DURATION -> activity.durationMicros();
            case TOKENS_USED -> activity.tokensUsed();
            case TOKENS_SAVED -> activity.tokensSaved();
            case TIME_SAVED -> activity.millisSaved();
            case COST -> activity.costNanos();
            case MONEY_SAVED -> activity.moneySavedNanos();
            case BYTES -> activity.bytes();
        };
    }

    /** A page of requests in this order, which begins behind the page before. Not thread-safe. */
    static final class Page {
        private final Order order;
        private final int limit;
        private final boolean ascending;
        /** Orders requests as the page shows them: the greater of two stands later. */
        private final Comparator<Activity> later;
        /** Value and sequence of the last request on the page before, or null. */
        private final long[] behind;
        /** The page as a heap, whose top is the last request of the page. */
        private final PriorityQueue<Activity> found;

        private boolean hasMore;

        /**
         * An empty page.
         *
         * @param cursor of the page before, or null
         * @throws IllegalArgumentException if the text is no cursor
         */
        Page(Order order, boolean ascending, int limit, String cursor) {
            this.order = order;
            this.limit = limit;
            this.ascending = ascending;
            Comparator<Activity> byValue = Comparator.comparingLong(order::of);
            later = (ascending ? byValue : byValue.reversed())
                    .thenComparing(Comparator.comparingLong(Activity::sequence).reversed());
            behind = cursor == null ? null : parse(cursor);
            found = new PriorityQueue<>(later.reversed());
        }

        private static long[] parse(String cursor) {
            String[] parts = cursor.split("\\.", -1);
            if (parts.length != 2) {
                throw new IllegalArgumentException("not a cursor: " + cursor);
            }
            return new long[] {Long.parseLong(parts[0], 36), Long.parseLong(parts[1], 36)};
        }

        void offer(Activity activity) {
            if (!isBehind(activity)) {
                return;
            }
            if (found.size() < limit) {
                found.add(activity);
                return;
            }
            hasMore = true;
            if (later.compare(activity, found.peek()) < 0) {
                found.remove();
                found.add(activity);
            }
        }

        private boolean isBehind(Activity activity) {
            if (behind == null) {
                return true;
            }
            int compared = Long.compare(order.of(activity), behind[0]);
            return compared == 0 ? activity.sequence() < behind[1] : compared > 0 == ascending;
        }

        List<Activity> sorted() {
            return found.stream().sorted(later).toList();
        }

        /** Where the next page begins, or null if there is none. */
        String next() {
            return hasMore
                    ? Long.toString(order.of(found.peek()), 36) + "."
                            + Long.toString(found.peek().sequence(), 36)
                    : null;
        }
    }
}
