package dev.refrain.engine;

import dev.refrain.engine.internal.events.Events;
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
 * Removes expired entries slice by slice, so that one round takes one interval. A sweep in one go would keep a
 * processor busy, and displace the page cache, for a quarter of a second per million entries.
 */
final class Sweeper implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Sweeper.class);

    /**
     * The shortest pause between two turns. Turns are spread evenly, so that other threads wait for one slice at most.
     */
    private static final long SHORTEST_PAUSE_NANOS = 2_000_000;

    private final CacheStore store;
    private final LongSupplier expiredBefore;
    private final Runnable afterRound;
    private final ScheduledExecutorService thread;
    private final int slicesPerTurn;
    private final long pauseNanos;
    private int next;

    /**
     * @param expiredBefore time in milliseconds since the epoch; entries that expire then or before are removed.
     *     Evaluated at each turn
     * @param afterRound runs after each round
     * @param interval the time of one round
     */
    Sweeper(CacheStore store, LongSupplier expiredBefore, Runnable afterRound, Duration interval) {
        this.store = store;
        this.afterRound = afterRound;
        this.expiredBefore = expiredBefore;
        // A sixteenth is left for the turns themselves.
        double nanos = interval.toNanos() / 16.0 * 15;
        int slices = store.slices();
        this.slicesPerTurn = (int) Math.max(1, Math.min(slices, Math.ceil(SHORTEST_PAUSE_NANOS * slices / nanos)));
        int turns = Math.max(1, (slices + slicesPerTurn - 1) / slicesPerTurn);
        this.pauseNanos = Math.max(1, (long) (nanos / turns));
        this.thread = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread sweeper = new Thread(task, "refrain-sweeper");
            sweeper.setDaemon(true);
            return sweeper;
        });
    }

    void start() {
        thread.scheduleWithFixedDelay(this::turnQuietly, pauseNanos, pauseNanos, TimeUnit.NANOSECONDS);
    }

    /** The pause between two turns, in nanoseconds. */
    long pauseNanos() {
        return pauseNanos;
    }

    private void turnQuietly() {
        try {
            turn();
        } catch (RuntimeException e) {
            // An escaping exception would end the schedule, and with it every later sweep.
            LOG.warn("A sweep for expired entries failed; the next one tries again", e);
        }
    }

    /** Sweeps as many slices as it takes to finish a round within the interval. Returns how many entries it removed. */
    long turn() {
        SweepEvent event = Events.sweep();
        long before = expiredBefore.getAsLong();
        long removed = 0;
        for (int n = 0; n < slicesPerTurn; n++) {
            next = next < store.slices() ? next : 0;
            removed += store.sweep(before, next++);
            if (next == store.slices()) {
                afterRound.run();
            }
        }
        if (event != null) {
            event.finish(slicesPerTurn, removed);
        }
        return removed;
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
