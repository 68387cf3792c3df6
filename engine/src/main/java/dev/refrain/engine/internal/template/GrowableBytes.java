package dev.refrain.engine.internal.template;

import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * A growable byte array, append-only except for {@link #truncate}. It reserves memory before it grows. If it throws
 * {@link MemoryBudget.Exhausted}, nothing has changed.
 */
final class GrowableBytes {
    private byte[] bytes;
    private int length;
    /** Null for an array without a reservation. */
    private final MemoryBudget.Reservation memory;

    GrowableBytes(int capacity) {
        this(capacity, null);
    }

    GrowableBytes(int capacity, MemoryBudget.Reservation memory) {
        this.memory = memory;
        if (memory != null) {
            memory.require(capacity);
        }
        bytes = new byte[capacity];
    }

    /** Releases the memory. Nothing may be appended after this. */
    void release() {
        if (memory != null) {
            memory.shrink(bytes.length);
        }
    }

    /** The backing array, valid until it has to grow: then another array replaces it. */
    byte[] bytes() {
        return bytes;
    }

    int length() {
        return length;
    }

    void append(int value) {
        reserve(1);
        bytes[length++] = (byte) value;
    }

    void append(byte[] source, int from, int to) {
        reserve(to - from);
        System.arraycopy(source, from, bytes, length, to - from);
        length += to - from;
    }

    /** Appends a range of a buffer, and does not change the buffer's position. */
    void append(ByteBuffer source, int from, int to) {
        reserve(to - from);
        source.get(from, bytes, length, to - from);
        length += to - from;
    }

    void truncate(int newLength) {
        length = newLength;
    }

    /** Makes room for more bytes, so that appending as many does not fail. */
    void reserve(int more) {
        int needed = Math.addExact(length, more);
        if (needed > bytes.length) {
            int old = bytes.length;
            int capacity = (int) Math.max(needed, Math.min(Integer.MAX_VALUE - 8, old * 2L));
            // The old array and the new one exist at the same time for a moment.
            if (memory != null) {
                memory.require(capacity);
            }
            bytes = Arrays.copyOf(bytes, capacity);
            if (memory != null) {
                memory.shrink(old);
            }
        }
    }
}
