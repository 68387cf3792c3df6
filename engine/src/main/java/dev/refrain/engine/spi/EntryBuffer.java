package dev.refrain.engine.spi;

import java.util.Arrays;

/**
 * A growable byte array that entries are read into and written from, reused so that a read allocates nothing. Not thread-safe.
 */
public final class EntryBuffer {
    private byte[] bytes;
    private int length;

    /** An empty buffer with room for {@code capacity} bytes before it has to grow. */
    public EntryBuffer(int capacity) {
        this.bytes = new byte[capacity];
    }

    /** The backing array; only the first {@link #length()} bytes mean anything. Replaced when the buffer grows. */
    public byte[] bytes() {
        return bytes;
    }

    /** The number of valid bytes. */
    public int length() {
        return length;
    }

    /** Sets the number of valid bytes and makes room for them; bytes already there are kept. Returns the backing array. */
    public byte[] resize(int newLength) {
        if (newLength > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(newLength, (int) Math.min(Integer.MAX_VALUE - 8, bytes.length * 2L)));
        }
        length = newLength;
        return bytes;
    }
}
