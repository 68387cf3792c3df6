package dev.refrain.engine.internal.store;

import java.util.BitSet;

/**
 * Segments whose lock could not be had in time, most likely because a process was killed while
 * it held the lock. They are left alone, so that only the first call waits for the timeout and
 * not every one; {@link SegmentMap#sweep} looks whether they are free again. A lock whose
 * holder is dead is freed by the recovery at the next opening by a process that is alone.
 */
final class StuckSegments {
    private final Failures failures;
    /** Copied on write; null as long as all is well, which makes the check on the read path one load. */
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
