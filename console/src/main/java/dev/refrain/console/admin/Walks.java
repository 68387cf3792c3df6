package dev.refrain.console.admin;

import io.undertow.util.StatusCodes;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Limits walks, which read the whole log or the whole store, to two at a time, so that they cannot take all processors.
 * A waiting walk holds one of the listener's few worker threads, so only two may wait; others are refused at once.
 * Thread-safe.
 */
final class Walks {
    private static final int AT_A_TIME = 2;
    private static final int WAITING = 2;
    private static final int PATIENCE_SECONDS = 10;
    /**
     * A later step waits longer: refusing it would break off a response that has begun. Within this time all walks
     * ahead of it end.
     */
    private static final int STEP_PATIENCE_SECONDS = 60;

    private static final int IN_STEPS = 2;

    private final Semaphore places = new Semaphore(AT_A_TIME + WAITING);
    private final Semaphore inSteps = new Semaphore(IN_STEPS);
    private final Semaphore turns = new Semaphore(AT_A_TIME, true);
    private final int patienceSeconds;

    Walks() {
        this(PATIENCE_SECONDS);
    }

    /** @param patienceSeconds how long a walk waits for its turn */
    Walks(int patienceSeconds) {
        this.patienceSeconds = patienceSeconds;
    }

    /** The work of a walk, done when it has its turn. */
    @FunctionalInterface
    interface Walk<T> {
        T go() throws AdminException;
    }

    /**
     * Does a walk when its turn comes.
     *
     * @throws AdminException if the walk throws it, too many walks wait already, or the turn does not come in time
     */
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
     * Begins a walk in steps, each with a turn of its own. So other walks need not wait between two steps, for instance
     * while a slow client reads the response. At most two such walks run at a time; close each at its end.
     *
     * @throws AdminException if two are under way
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

        /**
         * Does a step when its turn comes.
         *
         * @throws AdminException if the step throws it, or its turn does not come in time; the first step waits as a
         *     walk does
         */
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

    /** How many walks wait for their turn. */
    int waiting() {
        return turns.getQueueLength();
    }

    private static AdminException busy() {
        return new AdminException(
                StatusCodes.SERVICE_UNAVAILABLE, "Others are reading the log and the store; try again in a moment.");
    }
}
