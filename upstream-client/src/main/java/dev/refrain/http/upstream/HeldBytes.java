package dev.refrain.http.upstream;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;

/**
 * Bytes of an answer that have arrived but have not been taken, in order. They are copied, since the buffers they
 * arrived in may be much larger and would be kept as a whole.
 *
 * <p>Takes no more memory than allowed, except for a moment while it grows. Used by one thread at a time.
 */
final class HeldBytes {
    private static final int FIRST = 1024;
    private static final byte[] NONE = new byte[0];

    private int most;
    private byte[] bytes = NONE;
    private int from;
    private int to;

    /** @param most limit of the bytes held; more than 1024 */
    HeldBytes(int most) {
        this.most = most;
    }

    /** Raises the number of bytes that may be held. */
    void widen(int bytes) {
        most = bytes;
    }

    boolean isEmpty() {
        return from == to;
    }

    /** Number of bytes held. */
    int size() {
        return to - from;
    }

    /** Adds the readable bytes of a buffer, whose indexes do not change. */
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

    /** Bytes of memory taken. */
    int capacity() {
        return bytes.length;
    }

    /**
     * Takes the oldest bytes.
     *
     * @param most limit of the bytes to take
     * @return the bytes, valid until more are added
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

    /** Drops all bytes. */
    void clear() {
        bytes = NONE;
        from = 0;
        to = 0;
    }
}
