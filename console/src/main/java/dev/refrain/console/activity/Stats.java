package dev.refrain.console.activity;

import dev.refrain.engine.exchange.Endpoint;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.Map;

/**
 * A snapshot of the counters since the start. Immutable and thread-safe.
 *
 * @param byEndpoint has every endpoint
 * @param bytes of response bodies
 * @param tokensSaved tokens that hits saved
 * @param tokensUsed tokens of answers that were fetched, as far as their providers counted them
 * @param millisSaved milliseconds by which the fetches of the repeated answers took longer
 * @param moneySaved what the repeated answers cost when they were fetched, as far as that is known
 * @param moneySpent what the fetched answers cost, as far as that is known
 * @param currency of the money
 * @param unpricedTokens saved tokens whose price is not known
 * @param hit how long hits took
 * @param miss how long misses took
 */
public record Stats(
        Instant startedAt,
        Counts requests,
        Map<Endpoint, Counts> byEndpoint,
        long bytes,
        long tokensSaved,
        long tokensUsed,
        long millisSaved,
        BigDecimal moneySaved,
        BigDecimal moneySpent,
        String currency,
        long unpricedTokens,
        Latency hit,
        Latency miss,
        Log log) {
    /**
     * Requests by outcome.
     *
     * @param errors requests among them that failed or broke off
     */
    public record Counts(long hit, long collapsed, long stale, long miss, long bypass, long off, long errors) {
        static Counts sum(Iterable<Counts> parts) {
            long[] sums = new long[7];
            for (Counts part : parts) {
                sums[0] += part.hit;
                sums[1] += part.collapsed;
                sums[2] += part.stale;
                sums[3] += part.miss;
                sums[4] += part.bypass;
                sums[5] += part.off;
                sums[6] += part.errors;
            }
            return new Counts(sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6]);
        }

        /** All requests. */
        public long total() {
            return cached() + miss + bypass + off;
        }

        /** The requests that the cache answered. */
        public long cached() {
            return hit + collapsed + stale;
        }

        /** The number of requests with an outcome. */
        public long of(Outcome outcome) {
            return switch (outcome) {
                case HIT -> hit;
                case COLLAPSED -> collapsed;
                case STALE -> stale;
                case MISS -> miss;
                case BYPASS -> bypass;
                case OFF -> off;
            };
        }

        /** The part of the eligible requests that the cache answered, or null if there were none. */
        public Double hitRatio() {
            long eligible = cached() + miss;
            return eligible == 0 ? null : (double) cached() / eligible;
        }
    }

    /** Percentiles in milliseconds, all 0 if nothing was counted. */
    public record Latency(long count, double p50, double p90, double p99, double p999, double max) {}

    /**
     * Figures of the log on disk.
     *
     * @param records how many records the log has
     * @param bytes length of its file, and of the write-ahead log
     * @param dropped records since the start that did not get into the log
     * @param oldestAt when the oldest request in it ended, or null if it is empty
     */
    public record Log(long records, long bytes, long dropped, Instant oldestAt) {}
}
