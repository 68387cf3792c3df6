package dev.refrain.engine;

import java.util.function.LongSupplier;

/**
 * What time it is in the shared tier, as far as is known: what it last said, and how long ago that was by a clock that
 * only goes forward. Never later than the tier's own time, since its answers take a while. Thread-safe.
 */
final class SharedClock {
    private final LongSupplier nanos;
    /** By how much less is known than it is, at most: longer than an answer of the tier is waited for. */
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

    /** A time that is not earlier than the tier's, but for one whose answers are very slow: what is barred needlessly
     * costs a hit. In microseconds since the epoch; 0 if the tier has never said it. */
    long microsAtMost() {
        long known = micros();
        return known == 0 ? 0 : known + LAG_MICROS;
    }

    /** In microseconds since the epoch; 0 if the tier has never said it. */
    long micros() {
        Heard heard = last;
        return heard == null ? 0 : heard.micros + (nanos.getAsLong() - heard.atNanos) / 1_000;
    }
}
