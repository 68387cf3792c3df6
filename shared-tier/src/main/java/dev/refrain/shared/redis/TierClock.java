package dev.refrain.shared.redis;

import java.util.concurrent.TimeUnit;

/**
 * What time it is at the node of a cluster that has the log of barriers: the clock of the tier, since nodes have clocks
 * of their own. Never later than that node's time, since its answers take a while, and never earlier than a time that
 * was heard of lately: so what happens here after a removal was heard of comes after it. Thread-safe.
 */
final class TierClock {
    /** For so long the best estimate stands. Then a new one counts, in case another node has the log by now. */
    private static final long STANDS_NANOS = TimeUnit.SECONDS.toNanos(5);

    // Guarded by this.
    private long best;
    private long bestAt;

    /** The node has just said what time it is, or what it was. */
    synchronized void heard(long micros) {
        long now = System.nanoTime();
        if (best == 0 || micros >= at(now) || now - bestAt > STANDS_NANOS) {
            best = micros;
            bestAt = now;
        }
    }

    /** In microseconds since the epoch; 0 if nothing was heard yet. */
    synchronized long micros() {
        return best == 0 ? 0 : at(System.nanoTime());
    }

    private long at(long nanos) {
        return best + (nanos - bestAt) / 1_000;
    }
}
