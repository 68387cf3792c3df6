package dev.refrain.http.upstream;

import java.util.concurrent.TimeUnit;

/**
 * How far a provider may be ahead of a client on a stream of HTTP/2. At most a window's worth arrives in each round
 * trip. So a client that takes as much within a second, which is far more than a model writes, gets a window that is
 * twice as wide. One thread's at a time.
 */
final class StreamWindow {
    private static final long FAST_NANOS = TimeUnit.SECONDS.toNanos(1);

    private int bytes = Http2Connections.STREAM_WINDOW;
    /** Bytes taken of a window of that size, and when the first of them were. */
    private int taken;

    private long sinceNanos;

    /** Bytes that the provider may be ahead. */
    int bytes() {
        return bytes;
    }

    /**
     * The client has taken bytes.
     *
     * @return how wide the window should be, if there is memory: as it is, or wider
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
