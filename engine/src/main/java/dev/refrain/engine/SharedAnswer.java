package dev.refrain.engine;

import dev.refrain.engine.spi.EntryBuffer;

/**
 * An answer that another machine has shared, opened, with times by this machine's clock. Read by all who wait for it.
 */
final class SharedAnswer {
    private final EntryBuffer entry;
    private final long startedMicros;
    private final long askedMicros;
    private volatile boolean stored;

    /**
     * An answer that was found.
     *
     * @param entry not changed any more
     * @param startedMicros when its fetch began, by the tier's clock
     * @param askedMicros when it was found, by the same
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

    /** When it was found, by the tier's clock. */
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
