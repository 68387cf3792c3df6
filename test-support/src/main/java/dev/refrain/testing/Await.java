package dev.refrain.testing;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waits in a test for other threads or processes. */
public final class Await {
    /** A test waits at most this long, which is longer than any effect takes on a busy machine. */
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

    /** Long enough not to overload a server that a condition asks over a new connection each time. */
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private Await() {}

    /**
     * Waits until a condition holds.
     *
     * @throws AssertionError if it does not hold within a minute
     */
    public static void until(BooleanSupplier holds) {
        long start = System.nanoTime();
        while (!holds.getAsBoolean()) {
            if (System.nanoTime() - start > PATIENCE_NANOS) {
                throw new AssertionError("waited for a minute in vain");
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }
}
