package dev.refrain.engine;

import dev.refrain.engine.spi.StoreStats;
import java.util.concurrent.atomic.LongAdder;

/** The counters behind {@link CacheStats}; contention-free on the hit path. */
final class Counters {
    final LongAdder hits = new LongAdder();
    final LongAdder hitsOnError = new LongAdder();
    final LongAdder misses = new LongAdder();
    final LongAdder collapsed = new LongAdder();
    final LongAdder bypasses = new LongAdder();
    final LongAdder stores = new LongAdder();
    final LongAdder rejections = new LongAdder();
    final LongAdder corruptions = new LongAdder();
    final LongAdder failures = new LongAdder();
    final LongAdder tokensSaved = new LongAdder();

    CacheStats snapshot(StoreStats store) {
        return new CacheStats(
                hits.sum(),
                hitsOnError.sum(),
                misses.sum(),
                collapsed.sum(),
                bypasses.sum(),
                stores.sum(),
                rejections.sum(),
                corruptions.sum(),
                failures.sum(),
                tokensSaved.sum(),
                store);
    }
}
