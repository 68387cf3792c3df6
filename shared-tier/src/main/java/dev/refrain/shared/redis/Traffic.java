package dev.refrain.shared.redis;

import dev.refrain.engine.memory.MemoryBudget;

/**
 * Bounds the bytes that are under way to the server, and reserves them in the memory budget. A command that has timed
 * out may still be in the buffers of its connection. So its bytes count until the server has answered it, or until
 * there is a new connection. Thread-safe.
 */
final class Traffic {
    private final long limit;
    private final MemoryBudget memory;
    // Guarded by this.
    private long underWay;
    private long connection;

    /** @param memory reserves the bytes under way, within the limit */
    Traffic(long limit, MemoryBudget memory) {
        this.limit = limit;
        this.memory = memory;
    }

    /** Reserves bytes for a command. Returns the number of the current connection, or -1 if there is no room. */
    synchronized long enter(long bytes) {
        if ((underWay + bytes > limit && underWay > 0) || !memory.reserve(bytes)) {
            return -1;
        }
        underWay += bytes;
        return connection;
    }

    /** Releases the bytes of a command that was answered or has failed. */
    synchronized void left(long bytes, long of) {
        if (of == connection) {
            release(bytes);
        }
    }

    /** Releases all bytes, because a new connection has new buffers. */
    synchronized void connected() {
        connection++;
        release(underWay);
    }

    private void release(long bytes) {
        underWay -= bytes;
        memory.release(bytes);
    }
}
