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
    /** Those of a walk in steps have gone too far to be refused; all who are before one have their turn in less. */
    private static final int STEP_PATIENCE_SECONDS = 60;

    private static final int IN_STEPS = 2;

    private final Semaphore places = new Semaphore(AT_A_TIME + WAITING);
    private final Semaphore inSteps = new Semaphore(IN_STEPS);
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
            return go(walk, patienceSeconds);
        } finally {
            places.release();
        }
    }

    /**
     * A walk in steps, each of which has a turn of its own: what lies between two of them, such as a reader who is slow
     * to take what was found, keeps nobody waiting. Two at a time; close it.
     *
     * @throws AdminException if there are two
     */
    Steps inSteps() throws AdminException {
        if (!inSteps.tryAcquire()) {
            throw busy();
        }
        return new Steps();
    }

    /** One walk in steps. For one thread. */
    final class Steps implements AutoCloseable {
        private boolean isFirst = true;

        private Steps() {}

        /** @throws AdminException if the step does, or if its turn does not come; the first is refused as walks are */
        <T> T take(Walk<T> step) throws AdminException {
            if (isFirst) {
                isFirst = false;
                return Walks.this.take(step);
            }
            return go(step, Math.max(patienceSeconds, STEP_PATIENCE_SECONDS));
        }

        @Override
        public void close() {
            inSteps.release();
        }
    }

    private <T> T go(Walk<T> walk, int patience) throws AdminException {
        awaitTurn(patience);
        try {
            return walk.go();
        } finally {
            turns.release();
        }
    }

    private void awaitTurn(int patience) throws AdminException {
        try {
            if (!turns.tryAcquire(patience, TimeUnit.SECONDS)) {
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
