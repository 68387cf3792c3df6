package dev.refrain.engine;

import dev.refrain.engine.memory.MemoryBudget;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;

/**
 * The unchanged body of an answer, kept for followers in case it is a failure, up to a limit in bytes. Not thread-safe.
 */
final class KeptAnswer {
    private final long limit;
    /** The body; null once it was dropped. */
    private ByteArrayOutputStream body = new ByteArrayOutputStream();

    private final MemoryBudget.Reservation memory;

    /** @param memory reserves memory for the body; without room the body is dropped */
    KeptAnswer(long limit, MemoryBudget.Reservation memory) {
        this.limit = limit;
        this.memory = memory;
    }

    /** Adds a piece of the body. If the body exceeds the limit, all of it is dropped. */
    void keep(ByteBuffer bytes) {
        if (body == null) {
            return;
        }
        // Takes three times the piece's length, since the array doubles as it grows, and is copied once at the end.
        if (body.size() + (long) bytes.remaining() > limit || !memory.grow(3L * bytes.remaining())) {
            drop();
            return;
        }
        byte[] copy = new byte[bytes.remaining()];
        bytes.duplicate().get(copy);
        body.writeBytes(copy);
    }

    /** Drops the body. */
    void drop() {
        body = null;
    }

    /** Whether the whole body was kept. */
    boolean isWhole() {
        return body != null;
    }

    /** The body. Call this only if it is whole. */
    ByteBuffer bytes() {
        return ByteBuffer.wrap(body.toByteArray());
    }
}
