package dev.refrain.http.upstream;

import java.util.concurrent.TimeUnit;

/**
 * The flow-control window of a stream of HTTP/2: how many bytes a provider may send ahead of the client. At most one
 * window arrives in each round trip. A client that takes a whole window within a second, which is far more than a model
 * writes, gets a window twice as wide. Used by one thread at a time.
 */
final class StreamWindow {
    private static final long FAST_NANOS = TimeUnit.SECONDS.toNanos(1);

    private int bytes = Http2Connections.STREAM_WINDOW;
    /** Bytes taken since {@link #sinceNanos}, less than a window. */
    private int taken;

    private long sinceNanos;

    /** The window in bytes. */
    int bytes() {
        return bytes;
    }

    /**
     * The client has taken bytes.
     *
     * @return bytes that the window should have if there is memory: as many as now, or more
     */
    int wanted(int more, long nanoTime) {
        if (taken == 0) {
            sinceNanos = nanoTime;
        }
        taken += more;
        if (taken < bytes) {
            return bytes;
        }
        taken = 0;
        return nanoTime - sinceNanos < FAST_NANOS ? Math.min(2 * bytes, Http2Connections.WIDEST_STREAM_WINDOW) : bytes;
    }

    void widen(int to) {
        bytes = to;
    }
}
