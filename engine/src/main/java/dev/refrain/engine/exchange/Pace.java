package dev.refrain.engine.exchange;

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

    /**
     * One of these gaps.
     *
     * @param gaps one byte for each event, which must not change any more
     */
    public Pace(byte[] gaps) {
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

    private static long nanos(byte gap) {
        return Math.round((Math.pow(2, (gap & MOST) / (double) STEPS) - 1) * NANOS);
    }

    /** The byte for a time in nanoseconds. */
    public static byte gap(long nanos) {
        double millis = Math.max(0, nanos) / (double) NANOS;
        return (byte) Math.min(MOST, Math.round(STEPS * Math.log(1 + millis) / Math.log(2)));
    }
}
