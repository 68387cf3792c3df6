package dev.refrain.engine.exchange;

/**
 * The timing of a stream's events when it was fetched (wire rule W87): one byte for each event, for the time since the
 * event before. Immutable and thread-safe.
 *
 * <p>The byte for {@code ms} milliseconds is 16 log2(1 + {@code ms}). It is exact to some four percent, for times up to
 * a minute. Events that arrived in one piece have the same time.
 */
public final class Pace {
    private static final int STEPS = 16;
    private static final int MOST = 255;
    private static final long NANOS = 1_000_000;

    private final byte[] gaps;

    /**
     * A timing of the given gaps.
     *
     * @param gaps one byte for each event; not copied, so the caller must not change it
     */
    public Pace(byte[] gaps) {
        this.gaps = gaps;
    }

    /** The number of events. */
    public int events() {
        return gaps.length;
    }

    /**
     * Nanoseconds between an event and the event before or, for the first event, between it and the answer's head.
     *
     * @throws IndexOutOfBoundsException if there is no such event
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
