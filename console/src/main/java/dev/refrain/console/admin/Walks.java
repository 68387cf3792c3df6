package dev.refrain.console.admin;

import io.undertow.util.StatusCodes;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Turns for what reads all of the log or of the store, so that no more than two of these keep a processor busy, however
 * many ask. Thread-safe.
 */
final class Walks {
    private static final int AT_A_TIME = 2;
    private static final int PATIENCE_SECONDS = 10;

    private final Semaphore turns = new Semaphore(AT_A_TIME, true);

    /** What is done when it is its turn. */
    @FunctionalInterface
    interface Walk<T> {
        T go() throws AdminException;
    }

    /** @throws AdminException if the walk does, or if its turn does not come in time */
    <T> T take(Walk<T> walk) throws AdminException {
        try {
            if (!turns.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                throw busy();
            }
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            throw busy();
        }
        try {
            return walk.go();
        } finally {
            turns.release();
        }
    }

    private static AdminException busy() {
        return new AdminException(
                StatusCodes.SERVICE_UNAVAILABLE, "Others are reading the log and the store; try again in a moment.");
    }
}
