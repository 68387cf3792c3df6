package dev.refrain.engine;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.Upstream;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * A complete answer in memory, from {@link ResponseCache#respond(CacheRequest, CacheControls, Upstream)}. Immutable and
 * thread-safe; nothing is null.
 */
public final class WholeAnswer {
    private final ResponseHead head;
    private final byte[] body;
    private final int length;

    /** Keeps the array, of which the first {@code length} bytes must not change any more. */
    WholeAnswer(ResponseHead head, byte[] body, int length) {
        this.head = head;
        this.body = body;
        this.length = length;
    }

    /** Status, generation id, and what the cache did. The status may be other than 200. */
    public ResponseHead head() {
        return head;
    }

    /** Length of the body in bytes. */
    public int length() {
        return length;
    }

    /** A read-only view of the body, with a position of its own. */
    public ByteBuffer body() {
        return ByteBuffer.wrap(body, 0, length).asReadOnlyBuffer();
    }

    /** A copy of the body. */
    public byte[] toByteArray() {
        return Arrays.copyOf(body, length);
    }
}
