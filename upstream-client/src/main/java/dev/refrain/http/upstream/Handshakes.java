package dev.refrain.http.upstream;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.LongSupplier;

/**
 * Turns at making a TLS connection to one provider.
 *
 * <p>A handshake takes milliseconds of a processor, as the JDK does elliptic curves in Java. Those of a burst that all
 * begin at once end together, after their time limit perhaps; in turns the first ones are through soon, and the others
 * follow. A wait for a turn has no limit as long as others get through.
 *
 * <p>Thread-safe.
 */
final class Handshakes {
    private final int atATime;
    private final Executor threads;
    private final long patienceNanos;
    private final LongSupplier nanoTime;
    private final Queue<Runnable> waiting = new ArrayDeque<>();
    private int running;
    private boolean everMade;
    private long lastMadeNanos;

    /**
     * @param atATime how many turns there are at the same time
     * @param threads where those begin that had to wait
     * @param patience for how long nobody may get through before {@link #areStuck}
     */
    Handshakes(int atATime, Executor threads, Duration patience, LongSupplier nanoTime) {
        this.atATime = atATime;
        this.threads = threads;
        this.patienceNanos = patience.toNanos();
        this.nanoTime = nanoTime;
    }

    /** Begins at once or in its turn. Each that has begun says {@link #over} once. */
    void begin(Runnable handshake) {
        synchronized (this) {
            if (running == atATime) {
                waiting.add(handshake);
                return;
            }
            running++;
        }
        handshake.run();
    }

    /** Whether who has waited since then waits in vain: nobody gets through any more. */
    synchronized boolean areStuck(long sinceNanos) {
        long now = nanoTime.getAsLong();
        return now - sinceNanos > patienceNanos && (!everMade || now - lastMadeNanos > patienceNanos);
    }

    /**
     * A handshake is over, or will not be. Runs no other one before it returns.
     *
     * @param made whether there is a connection
     */
    void over(boolean made) {
        Runnable next;
        synchronized (this) {
            if (made) {
                everMade = true;
                lastMadeNanos = nanoTime.getAsLong();
            }
            next = waiting.poll();
            if (next == null) {
                running--;
                return;
            }
        }
        try {
            threads.execute(next);
        } catch (RejectedExecutionException closing) {
            // All calls are broken off.
        }
    }
}
