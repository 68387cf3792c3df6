package dev.refrain.engine.internal.template;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** An append-only byte array, but for {@link #truncate}. */
final class GrowableBytes {
    private byte[] bytes;
    private int length;

    GrowableBytes(int capacity) {
        bytes = new byte[capacity];
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

    private void reserve(int more) {
        int needed = Math.addExact(length, more);
        if (needed > bytes.length) {
            bytes = Arrays.copyOf(bytes, (int) Math.max(needed, Math.min(Integer.MAX_VALUE - 8, bytes.length * 2L)));
        }
    }
}
