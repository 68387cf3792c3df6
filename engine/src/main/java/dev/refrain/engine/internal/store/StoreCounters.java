package dev.refrain.engine.internal.store;

import java.util.concurrent.atomic.LongAdder;

/** The store's counters. Thread-safe. */
final class StoreCounters {
    final LongAdder evictions = new LongAdder();
    final LongAdder expirations = new LongAdder();
    final LongAdder drops = new LongAdder();
    final LongAdder removals = new LongAdder();
    final LongAdder sweeps = new LongAdder();
    final LongAdder sweptSegments = new LongAdder();
    final LockHoldTimes holds = new LockHoldTimes();
    final LongAdder failures = new LongAdder();
    /** Evictions of entries that had expired. */
    final LongAdder expiredEvictions = new LongAdder();
}
