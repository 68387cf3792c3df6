package dev.refrain.engine.internal.events;

import jdk.jfr.FlightRecorder;

/**
 * Starts events. The class of an event is not touched before there has been a recording: the first of them to be loaded sets up all of
 * the Flight Recorder, which takes a tenth of a second at a time when a server is to answer its first requests.
 */
public final class Events {
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
