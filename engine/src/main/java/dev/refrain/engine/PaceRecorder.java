package dev.refrain.engine;

import dev.refrain.engine.exchange.Pace;
import java.util.Arrays;

/** Records when the events of a stream arrive. Not thread-safe. */
final class PaceRecorder {
    private byte[] gaps = new byte[64];
    private int count;
    private long last;

    /** @param start when the stream began, in nanoseconds from any origin */
    PaceRecorder(long start) {
        last = start;
    }

    /**
     * Notes how many events have arrived by now.
     *
     * @param nanos the current time, from the same origin as the start
     */
    void passed(int events, long nanos) {
        if (events <= count || count > Paces.MOST_EVENTS) {
            return;
        }
        if (events > gaps.length) {
            gaps = Arrays.copyOf(gaps, Math.max(events, 2 * gaps.length));
        }
        gaps[count] = Pace.gap(nanos - last);
        // Further events of the same piece keep a gap of zero.
        count = events;
        last = nanos;
    }

    /** How much of the heap this takes, in bytes. */
    int heldBytes() {
        return gaps.length;
    }

    byte[] gaps() {
        return Arrays.copyOf(gaps, count);
    }
}
