package dev.refrain.console.admin;

import io.undertow.util.StatusCodes;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Turns for what reads all of the log or of the store, so that no more than two of these keep a processor busy, however
 * many ask. Whoever waits holds a worker thread of the listener's few, so only two may; others are refused at once.
 * Thread-safe.
 */
final class Walks {
    private static final int AT_A_TIME = 2;
    private static final int WAITING = 2;
    private static final int PATIENCE_SECONDS = 10;

    private final Semaphore places = new Semaphore(AT_A_TIME + WAITING);
    private final Semaphore turns = new Semaphore(AT_A_TIME, true);
    private final int patienceSeconds;

    Walks() {
        this(PATIENCE_SECONDS);
    }

    /** @param patienceSeconds how long somebody waits */
    Walks(int patienceSeconds) {
        this.patienceSeconds = patienceSeconds;
    }

    /** What is done when it is its turn. */
    @FunctionalInterface
    interface Walk<T> {
        T go() throws AdminException;
    }

    /** @throws AdminException if the walk does, if too many wait already, or if its turn does not come in time */
    <T> T take(Walk<T> walk) throws AdminException {
        if (!places.tryAcquire()) {
            throw busy();
        }
        try {
            awaitTurn();
            try {
                return walk.go();
            } finally {
                turns.release();
            }
        } finally {
            places.release();
        }
    }

    private void awaitTurn() throws AdminException {
        try {
            if (!turns.tryAcquire(patienceSeconds, TimeUnit.SECONDS)) {
                throw busy();
            }
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            throw busy();
        }
    }

    /** How many wait for their turn. */
    int waiting() {
        return turns.getQueueLength();
    }

    private static AdminException busy() {
        return new AdminException(
                StatusCodes.SERVICE_UNAVAILABLE, "Others are reading the log and the store; try again in a moment.");
    }
}
