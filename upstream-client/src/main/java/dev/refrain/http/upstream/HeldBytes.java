package dev.refrain.http.upstream;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;

/**
 * Bytes of an answer that have come before anybody took them, in the order in which they came. They are copied: what
 * they came in may be much larger than they are, and would be kept with them.
 *
 * <p>Takes no more memory than it may, but for a moment while it grows. One thread's at a time.
 */
final class HeldBytes {
    private static final int FIRST = 1024;
    private static final byte[] NONE = new byte[0];

    private int most;
    private byte[] bytes = NONE;
    private int from;
    private int to;

    /** @param most bytes that may ever be held, more than 1024 */
    HeldBytes(int most) {
        this.most = most;
    }

    /** Lets more be held than before. */
    void widen(int bytes) {
        most = bytes;
    }

    boolean isEmpty() {
        return from == to;
    }

    /** Bytes that are held. */
    int size() {
        return to - from;
    }

    /** Adds what is readable of a buffer, which stays as it is. */
    void add(ByteBuf more) {
        int count = more.readableBytes();
        if (to + count > bytes.length) {
            int needed = size() + count;
            byte[] target = needed <= bytes.length ? bytes : new byte[grown(needed)];
            System.arraycopy(bytes, from, target, 0, size());
            to -= from;
            from = 0;
            bytes = target;
        }
        more.getBytes(more.readerIndex(), bytes, to, count);
        to += count;
    }

    private int grown(int needed) {
        if (needed > most) {
            throw new IllegalStateException(needed + " bytes are more than may be held");
        }
        return Math.min(most, Math.max(FIRST, Integer.highestOneBit(needed) * 2));
    }

    /** Bytes of memory that this takes. */
    int capacity() {
        return bytes.length;
    }

    /**
     * Takes the oldest bytes.
     *
     * @param most that are taken
     * @return they, valid until more are added
     */
    ByteBuffer take(int most) {
        int count = Math.min(most, size());
        ByteBuffer taken = ByteBuffer.wrap(bytes, from, count).slice();
        from += count;
        if (isEmpty()) {
            clear();
        }
        return taken;
    }

    /** Lets go of everything. */
    void clear() {
        bytes = NONE;
        from = 0;
        to = 0;
    }
}
