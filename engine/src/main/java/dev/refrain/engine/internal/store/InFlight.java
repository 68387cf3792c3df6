package dev.refrain.engine.internal.store;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;

/**
 * Counts the operations under way, so that the file is not unmapped during one. Chronicle Map's own guard would make a
 * running operation fail half-way, which could damage the file for other processes.
 *
 * <p>The counter is striped by thread: an operation costs two uncontended atomic additions, some 10 ns together.
 */
final class InFlight {
    private static final int STRIPES = 32;
    /** Distance between two counters, in ints: two cache lines. */
    private static final int STRIDE = 32;

    private final AtomicIntegerArray counters = new AtomicIntegerArray(STRIPES * STRIDE);
    private volatile boolean closed;

    /** Returns whether the operation may go on; only then {@link #exit} must follow, on the same thread. */
    boolean enter() {
        int counter = counter();
        counters.getAndIncrement(counter);
        // Here the increment comes before the read of the flag; in close and awaitNone the flag is set before the
        // counters are read. So either this operation sees the flag, or the closing thread sees the counter.
        if (closed) {
            counters.getAndDecrement(counter);
            return false;
        }
        return true;
    }

    void exit() {
        counters.getAndDecrement(counter());
    }

    /** Lets no operation enter any more. */
    void close() {
        closed = true;
    }

    /** Waits until no operation is under way. Returns false if that took longer than allowed. */
    boolean awaitNone(long timeout, TimeUnit unit) {
        long deadline = System.nanoTime() + unit.toNanos(timeout);
        for (int stripe = 0; stripe < STRIPES; stripe++) {
            while (counters.get(stripe * STRIDE) != 0) {
                if (System.nanoTime() - deadline > 0) {
                    return false;
                }
                LockSupport.parkNanos(50_000);
            }
        }
        return true;
    }

    private static int counter() {
        int stripe = (int) ((Thread.currentThread().getId() * 0x9E3779B97F4A7C15L) >>> 59);
        return stripe * STRIDE;
    }
}
