package dev.refrain.engine;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A buffer for bytes to be hashed. Every part follows its length (four bytes, little-endian); otherwise
 * {@code ("ab", "c")} and {@code ("a", "bc")} would have the same hash. Not thread-safe.
 */
final class KeyBytes {
    static final byte[] NOTHING = new byte[0];

    private byte[] bytes;
    private int length;

    /** @param expected initial capacity in bytes; it grows as needed */
    KeyBytes(int expected) {
        bytes = expected == 0 ? NOTHING : new byte[expected];
    }

    /** The array whose first {@link #length} bytes were put here. Valid until more is put here. */
    byte[] array() {
        return bytes;
    }

    int length() {
        return length;
    }

    byte[] copy() {
        return length == 0 ? NOTHING : Arrays.copyOf(bytes, length);
    }

    /** Forgets what came after the first {@code count} bytes. */
    void truncate(int count) {
        length = count;
    }

    /** Overwrites all that was put here with zeros. */
    void wipe() {
        Arrays.fill(bytes, 0, length, (byte) 0);
        length = 0;
    }

    void put(byte value) {
        room(1)[length++] = value;
    }

    void put(byte[] from) {
        System.arraycopy(from, 0, room(from.length), length, from.length);
        length += from.length;
    }

    void part(byte[] from) {
        putLength(from.length);
        put(from);
    }

    /** Appends a text in UTF-8. ASCII text allocates nothing. */
    void part(String text) {
        int count = text.length();
        for (int i = 0; i < count; i++) {
            if (text.charAt(i) >= 0x80) {
                part(text.getBytes(StandardCharsets.UTF_8));
                return;
            }
        }
        putLength(count);
        byte[] target = room(count);
        for (int i = 0; i < count; i++) {
            target[length + i] = (byte) text.charAt(i);
        }
        length += count;
    }

    void putLength(int value) {
        byte[] target = room(Integer.BYTES);
        target[length++] = (byte) value;
        target[length++] = (byte) (value >>> 8);
        target[length++] = (byte) (value >>> 16);
        target[length++] = (byte) (value >>> 24);
    }

    private byte[] room(int more) {
        if (length + more > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(length + more, bytes.length * 2));
        }
        return bytes;
    }
}
