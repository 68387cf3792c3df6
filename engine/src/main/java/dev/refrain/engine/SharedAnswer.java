package dev.refrain.engine;

import dev.refrain.engine.spi.EntryBuffer;

/**
 * An answer that another machine has shared: unsealed, with times by this machine's clock. All requests of a flight
 * read it. Thread-safe.
 */
final class SharedAnswer {
    private final EntryBuffer entry;
    private final long startedMicros;
    private final long askedMicros;
    private volatile boolean stored;

    /**
     * @param entry must not be changed any more
     * @param startedMicros when its fetch began, by the tier's clock
     * @param askedMicros when the tier was asked for it, by the tier's clock
     */
    SharedAnswer(EntryBuffer entry, long startedMicros, long askedMicros) {
        this.entry = entry;
        this.startedMicros = startedMicros;
        this.askedMicros = askedMicros;
    }

    /** The entry, which must not be changed. */
    EntryBuffer entry() {
        return entry;
    }

    /** When its fetch began, by the tier's clock. */
    long startedMicros() {
        return startedMicros;
    }

    /** When the tier was asked for it, by the tier's clock. */
    long askedMicros() {
        return askedMicros;
    }

    /** Whether it is in the store of this machine now. */
    boolean isStored() {
        return stored;
    }

    void stored(boolean now) {
        stored = now;
    }
}
