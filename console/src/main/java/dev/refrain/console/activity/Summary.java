package dev.refrain.console.activity;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Figures of the requests in the log, in groups. Immutable and thread-safe.
 *
 * @param groups sorted, from the requested offset
 * @param more whether further groups follow
 * @param count how many groups there are, without {@code others}
 * @param total figures of all requests
 * @param others sum of the groups without figures of their own; null if there are none
 */
public record Summary(List<Group> groups, boolean more, int count, Group total, Group others, Reach reach) {
    /**
     * The most groups with figures of their own: those of the latest requests. Bounded, because clients choose the
     * names.
     */
    static final int MOST_GROUPS = 1000;

    /** The value that the requests of one group share. */
    public enum By {
        /** The model that was asked for. */
        MODEL,
        /** The label of the API key, or the digits that stand for it. */
        LABEL,
        /** The endpoint. */
        ENDPOINT,
        /** The policy that held for the requests. */
        POLICY,
        /** The namespace that the requests named. */
        NAMESPACE;

        /** The name in the API. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }

        String of(Activity activity) {
            return switch (this) {
                case MODEL -> activity.model();
                case LABEL -> activity.scope();
                case ENDPOINT -> activity.endpoint().id();
                case POLICY -> activity.policy();
                case NAMESPACE -> activity.namespace();
            };
        }
    }

    /** The value by which groups are sorted, the greatest first. Equal groups follow the order of their names. */
    public enum Sort {
        /** By the number of requests. */
        REQUESTS,
        /** By the requests that failed. */
        ERRORS,
        /** By the tokens that were used. */
        TOKENS_USED,
        /** By the tokens that the cache saved. */
        TOKENS_SAVED,
        /** By the time that the cache saved. */
        TIME_SAVED,
        /** By the money that was spent. */
        MONEY_SPENT,
        /** By the money that the cache saved. */
        MONEY_SAVED;

        long of(Group group) {
            return switch (this) {
                case REQUESTS -> group.requests().total();
                case ERRORS -> group.requests().errors();
                case TOKENS_USED -> group.tokensUsed();
                case TOKENS_SAVED -> group.tokensSaved();
                case TIME_SAVED -> group.millisSaved();
                case MONEY_SPENT -> group.spentNanos();
                case MONEY_SAVED -> group.savedNanos();
            };
        }

        /** The name in the API. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * The figures of one group.
     *
     * @param name the value that its requests share; null if they have no such value
     * @param tokensUsed of answers that were fetched, as far as their providers counted them
     * @param tokensSaved that answers of the cache saved
     * @param millisSaved milliseconds by which the fetches of the repeated answers took longer
     * @param spentNanos what the fetched answers cost, as far as that is known; in billionths of the currency
     * @param savedNanos what the repeated answers cost when they were fetched, as far as that is known; in billionths
     *     of the currency
     * @param unpricedTokens used and saved tokens whose price is not known
     * @param bytes of response bodies
     */
    public record Group(
            String name,
            Stats.Counts requests,
            long tokensUsed,
            long tokensSaved,
            long millisSaved,
            long spentNanos,
            long savedNanos,
            long unpricedTokens,
            long bytes) {
        /** Money spent, as far as it is known. */
        public BigDecimal spent() {
            return Prices.amount(spentNanos);
        }

        /** Money saved, as far as it is known. */
        public BigDecimal saved() {
            return Prices.amount(savedNanos);
        }
    }

    /** Adds requests up. Not thread-safe. */
    static final class Sum {
        private static final int ERRORS = Outcome.ALL.size();

        private final long[] counts = new long[ERRORS + 1];
        private long tokensUsed;
        private long tokensSaved;
        private long millisSaved;
        private long spentNanos;
        private long savedNanos;
        private long unpricedTokens;
        private long bytes;

        void add(Activity activity) {
            counts[activity.outcome().number()]++;
            counts[ERRORS] += activity.isError() ? 1 : 0;
            long used = activity.tokensUsed();
            tokensUsed += used;
            tokensSaved += activity.tokensSaved();
            millisSaved += activity.millisSaved();
            spentNanos += Math.max(0, activity.costNanos());
            savedNanos += Math.max(0, activity.moneySavedNanos());
            unpricedTokens += (activity.costNanos() < 0 ? used : 0)
                    + (activity.moneySavedNanos() < 0 ? activity.tokensSaved() : 0);
            bytes += activity.bytes();
        }

        Group toGroup(String name) {
            return new Group(
                    name,
                    new Stats.Counts(counts[0], counts[1], counts[2], counts[3], counts[4], counts[5], counts[ERRORS]),
                    tokensUsed,
                    tokensSaved,
                    millisSaved,
                    spentNanos,
                    savedNanos,
                    unpricedTokens,
                    bytes);
        }
    }

    /** Sorts requests into groups. Not thread-safe. */
    static final class Builder {
        private final By by;
        private final Map<String, Sum> sums = new HashMap<>();
        private final Sum total = new Sum();
        private Sum others;

        Builder(By by) {
            this.by = by;
        }

        void add(Activity activity) {
            total.add(activity);
            String name = by.of(activity);
            Sum sum = sums.get(name);
            if (sum == null && sums.size() < MOST_GROUPS) {
                sum = new Sum();
                sums.put(name, sum);
            } else if (sum == null) {
                others = others == null ? new Sum() : others;
                sum = others;
            }
            sum.add(activity);
        }

        Summary build(Sort sort, int offset, int limit, Reach reach) {
            List<Group> sorted = new ArrayList<>();
            sums.forEach((name, sum) -> sorted.add(sum.toGroup(name)));
            sorted.sort(Comparator.comparingLong(sort::of)
                    .reversed()
                    .thenComparing(Group::name, Comparator.nullsLast(Comparator.naturalOrder())));
            int from = Math.min(offset, sorted.size());
            int to = Math.min(sorted.size(), from + limit);
            return new Summary(
                    List.copyOf(sorted.subList(from, to)),
                    to < sorted.size(),
                    sorted.size(),
                    total.toGroup(null),
                    others == null ? null : others.toGroup(null),
                    reach);
        }
    }
}
