package dev.refrain.shared.redis;

import dev.refrain.engine.memory.MemoryBudget;

/**
 * Bounds the bytes that are under way to the server, and counts them in the budget of the heap. A command that nobody
 * waits for any more may still lie in the buffers of its connection, so its bytes count until the server has answered
 * it, or there is a new connection. Thread-safe.
 */
final class Traffic {
    private final long limit;
    private final MemoryBudget memory;
    // Guarded by this.
    private long underWay;
    private long connection;

    /** @param memory where what is under way is reserved, within the limit */
    Traffic(long limit, MemoryBudget memory) {
        this.limit = limit;
        this.memory = memory;
    }

    /** Returns the number of the current connection if there is room, else -1. */
    synchronized long enter(long bytes) {
        if ((underWay + bytes > limit && underWay > 0) || !memory.reserve(bytes)) {
            return -1;
        }
        underWay += bytes;
        return connection;
    }

    /** A command has been answered, or has failed. */
    synchronized void left(long bytes, long of) {
        if (of == connection) {
            release(bytes);
        }
    }

    /** There is a new connection, and so new buffers. */
    synchronized void connected() {
        connection++;
        release(underWay);
    }

    private void release(long bytes) {
        underWay -= bytes;
        memory.release(bytes);
    }
}
