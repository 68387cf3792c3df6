package dev.refrain.engine.stats;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.spi.StoreStats;
import java.util.Map;

/**
 * A snapshot of a cache's statistics. Counters start at zero when the cache is opened and count this process only. They
 * are read one after another, so sums may be slightly off. Immutable and thread-safe.
 *
 * @param hits lookups that were answered
 * @param hitsOnError hits in place of an upstream that failed ({@code stale-if-error}); each was counted as
 *     a miss before
 * @param hotHits the part of the hits that was answered from a copy in memory
 *     ({@link dev.refrain.engine.ResponseCacheBuilder#hotBytes})
 * @param misses lookups that were not answered, for whatever reason
 * @param collapsed misses that joined an identical request's upstream call instead of making one
 * @param bypasses requests with caching on that were not eligible
 * @param stores answers that were stored
 * @param rejections captured answers that were not stored because they were not a complete success (wire rule W16) or
 *     too large
 * @param shortages answers that were not stored because the memory budget ({@code ResponseCache.memory}) had no room
 *     for them
 * @param corruptions entries that a read found damaged; each was removed and also counted as a miss
 * @param failures answers that could not be stored because of an internal error
 * @param tokensSaved tokens that the providers counted for answers that hits replayed
 * @param store statistics of the store
 * @param byEndpoint hits and misses by endpoint, for every endpoint
 */
public record CacheStats(
        long hits,
        long hitsOnError,
        long hotHits,
        long misses,
        long collapsed,
        long bypasses,
        long stores,
        long rejections,
        long shortages,
        long corruptions,
        long failures,
        long tokensSaved,
        StoreStats store,
        Map<Endpoint, Lookups> byEndpoint) {
    /**
     * Lookups of one endpoint.
     *
     * @param hits lookups that were answered
     * @param misses lookups that were not answered
     */
    public record Lookups(long hits, long misses) {}
}
