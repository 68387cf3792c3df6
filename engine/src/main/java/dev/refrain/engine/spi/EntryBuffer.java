package dev.refrain.engine.spi;

import dev.refrain.engine.memory.MemoryBudget;
import java.util.Arrays;

/**
 * A growable byte array for reading and writing entries. It is reused, so that a read allocates
 * nothing. Not thread-safe.
 */
public final class EntryBuffer {
    private byte[] bytes;
    private int length;

    private final int free;
    /** The budget for longer arrays; null if the buffer has none. */
    private final MemoryBudget memory;

    private long reserved;

    /** An empty buffer with room for {@code capacity} bytes before it has to grow. */
    public EntryBuffer(int capacity) {
        this(capacity, Integer.MAX_VALUE, null);
    }

    /**
     * An empty buffer that reserves its memory from a budget.
     *
     * @param free length up to which the array needs no reservation, in bytes
     * @param memory the budget for longer arrays, which are reserved until {@link #release}; {@link #resize} throws
     *     {@link MemoryBudget.Exhausted} without room
     */
    public EntryBuffer(int capacity, int free, MemoryBudget memory) {
        this.bytes = new byte[capacity];
        this.free = free;
        this.memory = memory;
    }

    /** A buffer backed by these bytes, which are not copied. */
    public static EntryBuffer of(byte[] bytes) {
        EntryBuffer buffer = new EntryBuffer(0);
        buffer.bytes = bytes;
        buffer.length = bytes.length;
        return buffer;
    }

    /** Releases what was reserved, and drops the array. Does nothing if nothing was reserved. */
    public void release() {
        if (reserved > 0) {
            bytes = new byte[0];
            length = 0;
            memory.release(reserved);
            reserved = 0;
        }
    }

    /** The backing array, of which the first {@link #length()} bytes are valid. Growing replaces the array. */
    public byte[] bytes() {
        return bytes;
    }

    /** The number of valid bytes. */
    public int length() {
        return length;
    }

    /**
     * Sets the number of valid bytes, and grows the array if needed; existing bytes are kept. Returns
     * the backing array.
     */
    public byte[] resize(int newLength) {
        if (newLength > bytes.length) {
            grow(newLength);
        }
        length = newLength;
        return bytes;
    }

    private void grow(int least) {
        int capacity = Math.max(least, (int) Math.min(Integer.MAX_VALUE - 8, bytes.length * 2L));
        if (capacity > free) {
            if (!memory.reserve(capacity)) {
                throw new MemoryBudget.Exhausted();
            }
            bytes = Arrays.copyOf(bytes, capacity);
            memory.release(reserved);
            reserved = capacity;
        } else {
            bytes = Arrays.copyOf(bytes, capacity);
        }
    }
}
