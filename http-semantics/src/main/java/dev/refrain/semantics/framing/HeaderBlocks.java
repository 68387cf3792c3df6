package dev.refrain.semantics.framing;

import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;

/**
 * Reserves memory for header blocks of HTTP/2 that have begun but not ended (RFC 9113, 4.3). An HTTP/2 codec holds such
 * a block until it ends, up to half a megabyte for each connection, without accounting for it.
 *
 * <p>It also parses the heads of frames, to find where each begins. Used by one thread at a time.
 */
public final class HeaderBlocks {
    private static final int HEAD_BYTES = 9;
    private static final int TYPE_AT = 3;
    private static final int FLAGS_AT = 4;

    private static final int HEADERS = 1;
    private static final int PUSH_PROMISE = 5;
    private static final int CONTINUATION = 9;
    private static final int END_HEADERS = 4;

    private final MemoryBudget memory;
    private final int counted;

    /** Bytes of the current frame's head that have arrived. */
    private int headBytes;

    private int type;
    private int flags;
    /** Bytes of the current frame's payload that have not arrived. */
    private int left;

    /** Bytes of the unfinished block. */
    private int open;
    /** Bytes reserved for the unfinished block, beyond {@link #counted}. */
    private long reserved;

    /**
     * Creates the account of one connection.
     *
     * @param counted bytes of a head that are already reserved elsewhere, or need no reservation
     */
    public HeaderBlocks(MemoryBudget memory, int counted) {
        this.memory = memory;
        this.counted = counted;
    }

    /**
     * Counts bytes that have arrived, before the codec reads them. A block that ends in these bytes adds nothing, since
     * it is not held.
     *
     * @return whether the budget has room for what the bytes add to an unfinished block. If not, the codec must not
     *     read them
     */
    public boolean came(ByteBuffer bytes) {
        int at = bytes.position();
        int end = bytes.limit();
        while (at < end) {
            if (headBytes < HEAD_BYTES) {
                head(bytes.get(at++) & 0xFF);
            } else {
                int count = Math.min(left, end - at);
                left -= count;
                at += count;
                open += isOfBlock() ? count : 0;
            }
            if (headBytes == HEAD_BYTES && left == 0) {
                open = isOfBlock() && (flags & END_HEADERS) != 0 ? 0 : open;
                headBytes = 0;
            }
        }
        return Math.max(0, open - counted) <= reserved || reserve(open);
    }

    /** The codec has read the bytes. Releases the memory of blocks that have ended. */
    public void read() {
        if (reserved > 0) {
            reserve(open);
        }
    }

    /** Releases all memory. */
    public void close() {
        memory.release(reserved);
        reserved = 0;
    }

    private boolean reserve(int bytes) {
        long more = Math.max(0, bytes - counted) - reserved;
        if (more > 0) {
            // The memory of complete heads is reserved by the same rule.
            MemoryBudget.Use use = bytes <= MemoryBudget.SMALL ? MemoryBudget.Use.SHORT : MemoryBudget.Use.STORING;
            if (!memory.reserve(more, use)) {
                return false;
            }
        } else {
            memory.release(-more);
        }
        reserved += more;
        return true;
    }

    private void head(int next) {
        if (headBytes < TYPE_AT) {
            left = left << 8 | next;
        } else if (headBytes == TYPE_AT) {
            type = next;
        } else if (headBytes == FLAGS_AT) {
            flags = next;
        }
        headBytes++;
    }

    private boolean isOfBlock() {
        return type == HEADERS || type == CONTINUATION || type == PUSH_PROMISE;
    }
}
