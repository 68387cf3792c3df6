package dev.refrain.engine.internal.events;

import jdk.jfr.FlightRecorder;

/**
 * Starts events. Loads no event class before a recording exists: the first event class initialises the Flight Recorder,
 * which would delay a server's first answers by a tenth of a second.
 */
public final class Events {
    /** The number of bytes of a key that events show: 48 bits. */
    static final int SHOWN_KEY_BYTES = 6;

    private Events() {}

    /** A running event, or null if no recording has enabled it. */
    public static LookupEvent lookup() {
        return FlightRecorder.isInitialized() ? LookupEvent.start() : null;
    }

    /** A running event, or null if no recording has enabled it. */
    public static StoreEvent store() {
        return FlightRecorder.isInitialized() ? StoreEvent.start() : null;
    }

    /** A running event, or null if no recording has enabled it. */
    public static EvictEvent evict() {
        return FlightRecorder.isInitialized() ? EvictEvent.start() : null;
    }

    /** A running event, or null if no recording has enabled it. */
    public static SweepEvent sweep() {
        return FlightRecorder.isInitialized() ? SweepEvent.start() : null;
    }
}
