package dev.refrain.engine.internal.store;

import java.util.concurrent.atomic.LongAccumulator;

/**
 * How long the locks of segments are held. Locks of sweeps are always timed, for {@link #longestSweepNanos}. The others
 * are timed only while there is an observer, so that a put does not pay for it.
 */
public final class LockHoldTimes {
    /**
     * What a lock is held for: writing a value, choosing what has to go for it,
     * removing one of those; removing one in a walk; putting a damaged segment right.
     */
    public enum Work {
        PUT,
        CHOOSE,
        EVICT,
        SWEEP,
        REPAIR
    }

    /** Called with no lock held, on the thread that held it. */
    public interface Observer {
        void held(Work work, long nanos);
    }

    private final LongAccumulator longestSweep = new LongAccumulator(Math::max, 0);
    private volatile Observer observer;

    /** @param next null for nobody */
    void observe(Observer next) {
        observer = next;
    }

    long longestSweepNanos() {
        return longestSweep.get();
    }

    /** Call when a lock has been taken. Returns the time in nanoseconds, or 0 if there is no observer. */
    long begin() {
        return observer == null ? 0 : System.nanoTime();
    }

    /**
     * Call when the lock has been released.
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
