package dev.refrain.engine;

import dev.refrain.engine.exchange.Pace;
import java.util.Arrays;

/** Notes when events come. Not thread-safe. */
final class PaceRecorder {
    private byte[] gaps = new byte[64];
    private int count;
    private long last;

    /** @param start when the stream began, in nanoseconds from any origin */
    PaceRecorder(long start) {
        last = start;
    }

    /**
     * So many events have come by now.
     *
     * @param nanos from the same origin
     */
    void passed(int events, long nanos) {
        if (events <= count || count > Paces.MOST_EVENTS) {
            return;
        }
        if (events > gaps.length) {
            gaps = Arrays.copyOf(gaps, Math.max(events, 2 * gaps.length));
        }
        gaps[count] = Pace.gap(nanos - last);
        // The others of the same piece keep their zeros.
        count = events;
        last = nanos;
    }

    /** Bytes that this takes of the heap. */
    int heldBytes() {
        return gaps.length;
    }

    byte[] gaps() {
        return Arrays.copyOf(gaps, count);
    }
}
