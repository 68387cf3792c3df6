package dev.refrain.shared.redis;

/**
 * Bounds the bytes that are under way to the server. A command that timed out may still lie in the buffers of its
 * connection, so its bytes count until the server has answered a later one, or there is a new connection: answers come
 * in the order of commands. Thread-safe.
 */
final class Traffic {
    private final long limit;
    // Guarded by this.
    private long waiting;
    private long stuck;
    private long connection;

    Traffic(long limit) {
        this.limit = limit;
    }

    /** Returns the number of the current connection if there is room, else -1. */
    synchronized long enter(long bytes) {
        if (waiting + stuck + bytes > limit && waiting + stuck > 0) {
            return -1;
        }
        waiting += bytes;
        return connection;
    }

    synchronized void answered(long bytes, long of) {
        waiting -= bytes;
        if (of == connection) {
            stuck = 0;
        }
    }

    synchronized void timedOut(long bytes, long of) {
        waiting -= bytes;
        if (of == connection) {
            stuck += bytes;
        }
    }

    synchronized void connected() {
        connection++;
        stuck = 0;
    }
}
