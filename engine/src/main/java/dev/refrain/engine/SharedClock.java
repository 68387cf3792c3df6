package dev.refrain.engine;

import java.util.function.LongSupplier;

/**
 * Estimates the shared tier's clock: the time that the tier last told, plus what has passed since by a clock that only
 * goes forward. The estimate is never ahead of the tier, since its answer has been on its way for a while. Thread-safe.
 */
final class SharedClock {
    private final LongSupplier nanos;
    /** How far the estimate may lag behind: more than the longest wait for an answer of the tier. */
    private static final long LAG_MICROS = 1_000_000;

    private volatile Heard last;

    private record Heard(long micros, long atNanos) {}

    SharedClock(LongSupplier nanos) {
        this.nanos = nanos;
    }

    /** The tier has just said what time it is. */
    void heard(long micros) {
        last = new Heard(micros, nanos.getAsLong());
    }

    /**
     * A time that the tier's clock has not passed yet, unless its answers are slower than {@link #LAG_MICROS}. If it is
     * too late, it bars needlessly, which costs a hit. In microseconds since the epoch; 0 if the tier never told.
     */
    long microsAtMost() {
        long known = micros();
        return known == 0 ? 0 : known + LAG_MICROS;
    }

    /** The estimate, in microseconds since the epoch; 0 if the tier never told. */
    long micros() {
        Heard heard = last;
        return heard == null ? 0 : heard.micros + (nanos.getAsLong() - heard.atNanos) / 1_000;
    }
}
