package dev.refrain.engine;

import dev.refrain.engine.memory.MemoryBudget;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;

/**
 * The body of an answer as it came, kept for others in case that it is a
 * failure, up to a limit in bytes. One thread's alone.
 */
final class KeptAnswer {
    private final long limit;
    /** Null once it is not kept any more. */
    private ByteArrayOutputStream body = new ByteArrayOutputStream();

    private final MemoryBudget.Reservation memory;

    /** @param memory where it is reserved; without room it is not kept */
    KeptAnswer(long limit, MemoryBudget.Reservation memory) {
        this.limit = limit;
        this.memory = memory;
    }

    /** Takes more of the body; what exceeds the limit takes all of it away. */
    void keep(ByteBuffer bytes) {
        if (body == null) {
            return;
        }
        // The array doubles, and is copied once more in the end.
        if (body.size() + (long) bytes.remaining() > limit || !memory.grow(3L * bytes.remaining())) {
            drop();
            return;
        }
        byte[] copy = new byte[bytes.remaining()];
        bytes.duplicate().get(copy);
        body.writeBytes(copy);
    }

    /** Nobody can have it any more. */
    void drop() {
        body = null;
    }

    /** Whether all that came is here. */
    boolean isWhole() {
        return body != null;
    }

    /** What came. To be asked for only if it is whole. */
    ByteBuffer bytes() {
        return ByteBuffer.wrap(body.toByteArray());
    }
}
