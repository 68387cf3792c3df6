package dev.refrain.engine.internal.store;

import java.util.concurrent.atomic.LongAccumulator;

/**
 * Measures how long the locks of segments are held. Locks of sweeps are always timed, for {@link #longestSweepNanos}.
 * Other locks are timed only while there is an observer, to keep the cost out of puts.
 */
public final class LockHoldTimes {
    /**
     * The work under a lock: writing a value, choosing victims to make room for it, evicting one of them, removing a
     * value in a walk, and repairing a segment.
     */
    public enum Work {
        PUT,
        CHOOSE,
        EVICT,
        SWEEP,
        REPAIR
    }

    /** Called with no lock held, on the thread that held the lock. */
    public interface Observer {
        void held(Work work, long nanos);
    }

    private final LongAccumulator longestSweep = new LongAccumulator(Math::max, 0);
    private volatile Observer observer;

    /** @param next the observer from now on; null for none */
    void observe(Observer next) {
        observer = next;
    }

    long longestSweepNanos() {
        return longestSweep.get();
    }

    /** Call after a lock was taken. Returns the time in nanoseconds, or 0 if there is no observer. */
    long begin() {
        return observer == null ? 0 : System.nanoTime();
    }

    /**
     * Call after the lock was released.
     *
     * @param begin what {@link #begin} returned; 0 if the lock was not taken, or there is no observer
     */
    void end(Work work, long begin) {
        if (begin == 0) {
            return;
        }
        long nanos = System.nanoTime() - begin;
        if (work == Work.SWEEP) {
            longestSweep.accumulate(nanos);
        }
        Observer current = observer;
        if (current != null) {
            current.held(work, nanos);
        }
    }
}
