package dev.refrain.semantics.framing;

import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;

/**
 * Counts what the other side has sent of a header block of HTTP/2 that has not ended (RFC 9113, 4.3), in the memory
 * budget: a codec holds that until its end, up to half a megabyte for each connection, and tells nobody.
 *
 * <p>To know where frames begin, their heads are read here, too. One thread's at a time.
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

    /** Bytes of the frame's head that have come. */
    private int headBytes;

    private int type;
    private int flags;
    /** Bytes of its payload that have not come. */
    private int left;

    /** Bytes of the block that has not ended. */
    private int open;
    /** What is reserved for it, beside what is counted already. */
    private long reserved;

    /**
     * For a connection.
     *
     * @param counted bytes of a head that have their place in the budget already, or need none
     */
    public HeaderBlocks(MemoryBudget memory, int counted) {
        this.memory = memory;
        this.counted = counted;
    }

    /**
     * Bytes have come, and nobody has read them yet. A block that ends with them adds nothing: it is not held.
     *
     * @return whether there is room for what they add to a block that has not ended; if not, they are not to be read
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

    /** They have been read, and what had ended is not held any more. */
    public void read() {
        if (reserved > 0) {
            reserve(open);
        }
    }

    /** Nothing is held any more. */
    public void close() {
        memory.release(reserved);
        reserved = 0;
    }

    private boolean reserve(int bytes) {
        long more = Math.max(0, bytes - counted) - reserved;
        if (more > 0) {
            // By the rule for heads that are whole.
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
