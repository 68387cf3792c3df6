package dev.refrain.engine;

import java.util.Arrays;

/**
 * At what times the events of a stream came when it was fetched (wire rule W87): for each event the time that had
 * passed since the one before, in one byte. Immutable and thread-safe.
 *
 * <p>The byte is 16 times the binary logarithm of one more than the milliseconds: exact to some four percent, up to a
 * minute. What comes in one piece came at the same time.
 */
public final class Pace {
    private static final int STEPS = 16;
    private static final int MOST = 255;
    private static final long NANOS = 1_000_000;

    private final byte[] gaps;

    Pace(byte[] gaps) {
        this.gaps = gaps;
    }

    /** How many events there were. */
    public int events() {
        return gaps.length;
    }

    /**
     * Nanoseconds that passed before an event, since the one before it or, for the first, since the head.
     *
     * @throws IndexOutOfBoundsException if there was no such event
     */
    public long nanosBefore(int event) {
        return nanos(gaps[event]);
    }

    static long nanos(byte gap) {
        return Math.round((Math.pow(2, (gap & MOST) / (double) STEPS) - 1) * NANOS);
    }

    static byte gap(long nanos) {
        double millis = Math.max(0, nanos) / (double) NANOS;
        return (byte) Math.min(MOST, Math.round(STEPS * Math.log(1 + millis) / Math.log(2)));
    }

    /** Notes when events come. Not thread-safe. */
    static final class Recorder {
        private byte[] gaps = new byte[64];
        private int count;
        private long last;

        /** @param start when the stream began, in nanoseconds from any origin */
        Recorder(long start) {
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
            gaps[count] = gap(nanos - last);
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
}
