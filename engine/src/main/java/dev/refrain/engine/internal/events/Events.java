package dev.refrain.engine.internal.events;

import jdk.jfr.FlightRecorder;

/**
 * Starts events. Event classes are not loaded before there is a recording: loading the first one initialises the Flight
 * Recorder, which would delay a server's first answers by a tenth of a second.
 */
public final class Events {
    /** The bytes of a key that events show: 48 bits. */
    static final int SHOWN_KEY_BYTES = 6;

    private Events() {}

    /** A running event, or null if nobody records any. */
    public static LookupEvent lookup() {
        return FlightRecorder.isInitialized() ? LookupEvent.start() : null;
    }

    /** A running event, or null if nobody records any. */
    public static StoreEvent store() {
        return FlightRecorder.isInitialized() ? StoreEvent.start() : null;
    }

    /** A running event, or null if nobody records any. */
    public static EvictEvent evict() {
        return FlightRecorder.isInitialized() ? EvictEvent.start() : null;
    }

    /** A running event, or null if nobody records any. */
    public static SweepEvent sweep() {
        return FlightRecorder.isInitialized() ? SweepEvent.start() : null;
    }
}
