package dev.refrain.jmh.load;

import java.util.concurrent.atomic.AtomicLongArray;

/** The time when the provider sent each event of each stream, by {@link System#nanoTime}. */
final class Timeline {
    private final int events;
    private final AtomicLongArray nanos;

    Timeline(int streams, int events) {
        this.events = events;
        this.nanos = new AtomicLongArray(streams * events);
    }

    void sent(int stream, int event) {
        nanos.setRelease(stream * events + event, System.nanoTime());
    }

    long sentAt(int stream, int event) {
        return nanos.getAcquire(stream * events + event);
    }
}
