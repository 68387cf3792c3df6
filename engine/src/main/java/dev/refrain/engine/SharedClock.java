package dev.refrain.engine;

import java.util.function.LongSupplier;

/**
 * Estimates the shared tier's clock: the time that the tier last told, plus the monotonic time that has passed since.
 * The estimate is never ahead of the tier, since the tier's answer took some time to arrive. Thread-safe.
 */
final class SharedClock {
    private final LongSupplier nanos;
    /**
     * How far the estimate may be behind the tier's clock, in microseconds. Answers of the tier usually arrive faster.
     */
    private static final long LAG_MICROS = 1_000_000;

    private volatile Heard last;

    private record Heard(long micros, long atNanos) {}

    SharedClock(LongSupplier nanos) {
        this.nanos = nanos;
    }

    /** Notes the time that the tier has just told. */
    void heard(long micros) {
        last = new Heard(micros, nanos.getAsLong());
    }

    /**
     * An upper bound of the tier's time, unless the tier's answers are slower than {@link #LAG_MICROS}. A bound that is
     * too late makes a barrier cover more than it should, which costs hits. In microseconds since the epoch; 0 if the
     * tier never told its time.
     */
    long microsAtMost() {
        long known = micros();
        return known == 0 ? 0 : known + LAG_MICROS;
    }

    /** The estimate, in microseconds since the epoch; 0 if the tier never told its time. */
    long micros() {
        Heard heard = last;
        return heard == null ? 0 : heard.micros + (nanos.getAsLong() - heard.atNanos) / 1_000;
    }
}
