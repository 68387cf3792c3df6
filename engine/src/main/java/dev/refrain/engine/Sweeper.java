package dev.refrain.engine;

import dev.refrain.engine.internal.events.SweepEvent;
import dev.refrain.engine.spi.CacheStore;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Removes expired entries a little at a time, such that it comes round once in an interval. A sweep at one go would keep a processor
 * busy, and the page cache with it, for as long as a quarter of a second for a million entries.
 */
final class Sweeper implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Sweeper.class);

    /** Turns in an interval. */
    private static final int TURNS = 64;
    /** What is left over makes up for the time that the turns themselves take. */
    private static final int TURNS_NEEDED = 60;

    private final CacheStore store;
    private final LongSupplier expiredBefore;
    private final ScheduledExecutorService thread;
    private int next;

    /**
     * @param expiredBefore entries that expire at this time or before are removed; asked for anew at each turn
     */
    Sweeper(CacheStore store, LongSupplier expiredBefore) {
        this.store = store;
        this.expiredBefore = expiredBefore;
        this.thread = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread sweeper = new Thread(task, "refrain-sweeper");
            sweeper.setDaemon(true);
            return sweeper;
        });
    }

    void start(Duration interval) {
        long nanos = Math.max(1, interval.toNanos() / TURNS);
        thread.scheduleWithFixedDelay(this::turnQuietly, nanos, nanos, TimeUnit.NANOSECONDS);
    }

    private void turnQuietly() {
        try {
            turn();
        } catch (RuntimeException e) {
            // An escaping exception would end the schedule, and with it every later sweep.
            LOG.warn("A sweep for expired entries failed; the next one tries again", e);
        }
    }

    /** Sweeps as many slices as it takes to come round in time. Returns the number of entries removed. */
    long turn() {
        SweepEvent event = SweepEvent.start();
        int slices = store.slices();
        int due = (slices + TURNS_NEEDED - 1) / TURNS_NEEDED;
        long before = expiredBefore.getAsLong();
        long removed = 0;
        for (int n = 0; n < due; n++) {
            next = next < slices ? next : 0;
            removed += store.sweep(before, next++);
        }
        if (event != null) {
            event.finish(due, removed);
        }
        return removed;
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
