package dev.refrain.engine.internal.store;

import java.util.BitSet;

/**
 * Segments whose lock could not be taken in time, most likely because a process was killed while it held the lock.
 * These segments are skipped, so that only the first call waits for the timeout. {@link SegmentMap#sweep} checks
 * whether a lock is free again. If its holder is dead, recovery frees the lock when a process next opens the map alone.
 */
final class StuckSegments {
    private final Failures failures;
    /** Copied on write. Null while no segment is stuck, so the check on the read path is one load. */
    private volatile BitSet stuck;

    StuckSegments(Failures failures) {
        this.failures = failures;
    }

    boolean any() {
        return stuck != null;
    }

    boolean contains(int segment) {
        BitSet current = stuck;
        return current != null && current.get(segment);
    }

    synchronized void add(int segment) {
        failures.stuck(segment);
        BitSet next = stuck == null ? new BitSet() : (BitSet) stuck.clone();
        next.set(segment);
        stuck = next;
    }

    synchronized void remove(int segment) {
        if (stuck == null) {
            return;
        }
        BitSet next = (BitSet) stuck.clone();
        next.clear(segment);
        stuck = next.isEmpty() ? null : next;
    }
}
