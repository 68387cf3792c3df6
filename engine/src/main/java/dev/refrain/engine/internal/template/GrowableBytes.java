package dev.refrain.engine.internal.template;

import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * An append-only byte array, but for {@link #truncate}. What it takes of the heap is reserved before it grows; it
 * changes nothing when it throws {@link MemoryBudget.Exhausted}.
 */
final class GrowableBytes {
    private byte[] bytes;
    private int length;
    /** Null if nobody counts. */
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

    /** Gives back what was reserved; it is not to be appended to any more. */
    void release() {
        if (memory != null) {
            memory.shrink(bytes.length);
        }
    }

    /** The backing array, replaced when it grows. */
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

    /** Leaves the source's position where it is. */
    void append(ByteBuffer source, int from, int to) {
        reserve(to - from);
        source.get(from, bytes, length, to - from);
        length += to - from;
    }

    void truncate(int newLength) {
        length = newLength;
    }

    /** Makes room for more, so that appending that much does not fail. */
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
