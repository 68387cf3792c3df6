package dev.refrain.engine;

import dev.refrain.engine.stats.SharedStats;
import java.util.concurrent.atomic.LongAdder;

/** The counters behind {@link SharedStats}. Thread-safe. */
final class SharedCounters {
    final LongAdder hits = new LongAdder();
    final LongAdder misses = new LongAdder();
    final LongAdder failures = new LongAdder();
    final LongAdder rejects = new LongAdder();
    final LongAdder stores = new LongAdder();
    final LongAdder storesLost = new LongAdder();
    final LongAdder lookupNanos = new LongAdder();
    final LongAdder receivedBytes = new LongAdder();
    final LongAdder sentBytes = new LongAdder();
    final LongAdder waits = new LongAdder();
    final LongAdder joins = new LongAdder();
    final LongAdder appendedBytes = new LongAdder();
    final LongAdder readBytes = new LongAdder();

    SharedStats snapshot(boolean isAvailable, boolean isConnected) {
        return new SharedStats(
                hits.sum(),
                misses.sum(),
                failures.sum(),
                rejects.sum(),
                stores.sum(),
                storesLost.sum(),
                lookupNanos.sum(),
                receivedBytes.sum(),
                sentBytes.sum(),
                waits.sum(),
                joins.sum(),
                appendedBytes.sum(),
                readBytes.sum(),
                isAvailable,
                isConnected);
    }
}
