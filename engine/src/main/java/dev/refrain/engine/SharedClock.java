package dev.refrain.engine;

import java.util.function.LongSupplier;

/**
 * What time it is in the shared tier, as far as is known: what it last said, and how long ago that was by a clock that
 * only goes forward. Never later than the tier's own time, since its answers take a while. Thread-safe.
 */
final class SharedClock {
    private final LongSupplier nanos;
    private volatile Heard last;

    private record Heard(long micros, long atNanos) {}

    SharedClock(LongSupplier nanos) {
        this.nanos = nanos;
    }

    /** The tier has just said what time it is. */
    void heard(long micros) {
        last = new Heard(micros, nanos.getAsLong());
    }

    /** In microseconds since the epoch; 0 if the tier has never said it. */
    long micros() {
        Heard heard = last;
        return heard == null ? 0 : heard.micros + (nanos.getAsLong() - heard.atNanos) / 1_000;
    }
}
