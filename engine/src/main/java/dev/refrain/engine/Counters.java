package dev.refrain.engine;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.spi.StoreStats;
import dev.refrain.engine.stats.CacheStats;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** The counters behind {@link CacheStats}; contention-free on the hit path. */
final class Counters {
    final LongAdder hitsOnError = new LongAdder();
    final LongAdder hotHits = new LongAdder();
    private final Map<Endpoint, LongAdder> hits = adders();
    private final Map<Endpoint, LongAdder> misses = adders();
    final LongAdder collapsed = new LongAdder();
    final LongAdder bypasses = new LongAdder();
    final LongAdder stores = new LongAdder();
    final LongAdder rejections = new LongAdder();
    final LongAdder shortages = new LongAdder();
    final LongAdder corruptions = new LongAdder();
    final LongAdder failures = new LongAdder();
    final LongAdder tokensSaved = new LongAdder();

    private static Map<Endpoint, LongAdder> adders() {
        Map<Endpoint, LongAdder> adders = new EnumMap<>(Endpoint.class);
        for (Endpoint endpoint : Endpoint.values()) {
            adders.put(endpoint, new LongAdder());
        }
        return adders;
    }

    void hit(Endpoint endpoint) {
        hits.get(endpoint).increment();
    }

    void miss(Endpoint endpoint) {
        misses.get(endpoint).increment();
    }

    CacheStats snapshot(StoreStats store) {
        Map<Endpoint, CacheStats.Lookups> lookups = new EnumMap<>(Endpoint.class);
        hits.forEach((endpoint, count) -> lookups.put(
                endpoint,
                new CacheStats.Lookups(count.sum(), misses.get(endpoint).sum())));
        return new CacheStats(
                lookups.values().stream().mapToLong(CacheStats.Lookups::hits).sum(),
                hitsOnError.sum(),
                hotHits.sum(),
                lookups.values().stream().mapToLong(CacheStats.Lookups::misses).sum(),
                collapsed.sum(),
                bypasses.sum(),
                stores.sum(),
                rejections.sum(),
                shortages.sum(),
                corruptions.sum(),
                failures.sum(),
                tokensSaved.sum(),
                store,
                Collections.unmodifiableMap(lookups));
    }
}
