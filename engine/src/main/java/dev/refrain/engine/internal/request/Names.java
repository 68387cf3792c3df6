package dev.refrain.engine.internal.request;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Caches names that many requests share, so that a hit whose model is logged allocates no string. The cache is lossy:
 * of two names with the same slot, the later one stays.
 */
final class Names {
    private static final int SLOTS = 256;
    private static final int MAX_LENGTH = 128;

    private static final class Name {
        final byte[] utf8;
        final String text;

        Name(byte[] utf8) {
            this.utf8 = utf8;
            this.text = new String(utf8, StandardCharsets.UTF_8);
        }

        boolean is(byte[] bytes, int from, int to) {
            return Arrays.equals(utf8, 0, utf8.length, bytes, from, to);
        }
    }

    private static final AtomicReferenceArray<Name> KNOWN = new AtomicReferenceArray<>(SLOTS);

    private Names() {}

    /** The bytes as text; the cached string if the name is known. */
    static String of(byte[] bytes, int from, int to) {
        int length = to - from;
        if (length == 0 || length > MAX_LENGTH) {
            return new String(bytes, from, length, StandardCharsets.UTF_8);
        }
        int mixed = (length * 31 + bytes[from + length / 2]) * 31 + bytes[to - 1];
        int slot = (mixed ^ mixed >>> 8) & (SLOTS - 1);
        Name known = KNOWN.getAcquire(slot);
        if (known == null || !known.is(bytes, from, to)) {
            known = new Name(Arrays.copyOfRange(bytes, from, to));
            KNOWN.setRelease(slot, known);
        }
        return known.text;
    }
}
