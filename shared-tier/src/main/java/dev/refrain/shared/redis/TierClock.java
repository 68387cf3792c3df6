package dev.refrain.shared.redis;

import java.util.concurrent.TimeUnit;

/**
 * An estimate of the tier's time in a cluster, which is the clock of the node with the log of barriers. The estimate is
 * never later than that node's time, since answers take a while to arrive. It is never earlier than a recently received
 * time. So an action that follows the notice of a removal has a later time than the removal. Thread-safe.
 */
final class TierClock {
    /**
     * After this time, a new estimate replaces the best one even if it is earlier, because another node may have the
     * log by then.
     */
    private static final long STANDS_NANOS = TimeUnit.SECONDS.toNanos(5);

    // Guarded by this.
    private long best;
    private long bestAt;

    /** Takes a present or past time of the log's node into account. */
    synchronized void observe(long micros) {
        long now = System.nanoTime();
        if (best == 0 || micros >= at(now) || now - bestAt > STANDS_NANOS) {
            best = micros;
            bestAt = now;
        }
    }

    /** The estimate in microseconds since the epoch; 0 if no time was received yet. */
    synchronized long micros() {
        return best == 0 ? 0 : at(System.nanoTime());
    }

    private long at(long nanos) {
        return best + (nanos - bestAt) / 1_000;
    }
}
