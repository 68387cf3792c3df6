package dev.refrain.semantics.client;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.SecureRandom;
import java.util.List;

/**
 * Digest by which a request's head is recognised when it comes again: SipHash of 128 bits (Aumasson, Bernstein,
 * "SipHash: a fast short-input PRF", 2012, and its reference implementation). The key is random and lasts as long as
 * the process, so a digest reveals no credential (wire rule W15), and nobody without the key can make two heads with
 * one digest. The hash takes one round for a word and three at the end, like the hash tables of Rust and Python. That
 * suffices because no digest leaves the process, and it matters because the digest is most of what a hit costs beside
 * the engine. Keeps none of the characters. Used by one thread.
 */
public final class HeadDigest {
    private static final int KEY_LENGTH = 16;
    private static final long KEY_0;
    private static final long KEY_1;

    static {
        byte[] key = new byte[KEY_LENGTH];
        new SecureRandom().nextBytes(key);
        ByteBuffer words = ByteBuffer.wrap(key).order(ByteOrder.LITTLE_ENDIAN);
        KEY_0 = words.getLong();
        KEY_1 = words.getLong();
    }

    /** Stands for the length of a null text or list, since no length is negative. */
    private static final int NULL = -1;
    /** Distinguishes the last word of a list from that of a text. */
    private static final long LIST = 1L << (Long.SIZE - 1);

    private static final int LAST_ROUNDS = 3;

    private static final int NARROW = Long.BYTES;
    private static final int WIDE = Long.BYTES / Character.BYTES;
    private static final int MOST_NARROW = 0xFF;

    private long v0;
    private long v1;
    private long v2;
    private long v3;
    private int words;

    HeadDigest() {
        this(KEY_0, KEY_1);
    }

    HeadDigest(long key0, long key1) {
        v0 = key0 ^ 0x736F6D6570736575L;
        v1 = key1 ^ 0x646F72616E646F6DL ^ 0xEE;
        v2 = key0 ^ 0x6C7967656E657261L;
        v3 = key1 ^ 0x7465646279746573L;
    }

    /**
     * Adds a part of the head.
     *
     * @param text null is a part as well, and differs from the empty text
     */
    public HeadDigest add(String text) {
        if (text == null) {
            word(NULL);
            return this;
        }
        int length = text.length();
        int at = 0;
        // A word takes eight characters as long as each of them fits a byte. Unrolled: a loop would take longer than
        // all the rest.
        while (at + NARROW <= length) {
            int a = text.charAt(at);
            int b = text.charAt(at + 1);
            int c = text.charAt(at + 2);
            int d = text.charAt(at + 3);
            int e = text.charAt(at + 4);
            int f = text.charAt(at + 5);
            int g = text.charAt(at + 6);
            int h = text.charAt(at + 7);
            if ((a | b | c | d | e | f | g | h) > MOST_NARROW) {
                break;
            }
            long low = a | b << 8 | c << 16 | (long) d << 24;
            long high = e | f << 8 | g << 16 | (long) h << 24;
            word(high << Integer.SIZE | low);
            at += NARROW;
        }
        int wideFrom = at;
        while (at < length) {
            int end = Math.min(at + WIDE, length);
            long word = 0;
            for (int i = end - 1; i >= at; i--) {
                word = (word << Character.SIZE) | text.charAt(i);
            }
            word(word);
            at = end;
        }
        // Each part ends with its lengths. Read backwards, they delimit the parts, so different heads differ in words.
        word(((long) wideFrom << Integer.SIZE) | length);
        return this;
    }

    /**
     * Adds the lines of a field, or other parts that belong together, in their order.
     *
     * @param parts null differs from an empty list
     */
    public HeadDigest addAll(List<String> parts) {
        int count = parts == null ? NULL : parts.size();
        for (int i = 0; i < count; i++) {
            add(parts.get(i));
        }
        word(LIST | (count & 0xFFFF_FFFFL));
        return this;
    }

    /** Adds eight bytes in little-endian order. */
    void word(long word) {
        words++;
        v3 ^= word;
        round();
        v0 ^= word;
    }

    private void round() {
        v0 += v1;
        v1 = Long.rotateLeft(v1, 13) ^ v0;
        v0 = Long.rotateLeft(v0, 32);
        v2 += v3;
        v3 = Long.rotateLeft(v3, 16) ^ v2;
        v0 += v3;
        v3 = Long.rotateLeft(v3, 21) ^ v0;
        v2 += v1;
        v1 = Long.rotateLeft(v1, 17) ^ v2;
        v2 = Long.rotateLeft(v2, 32);
    }

    /** The digest of all that was added. Nothing can be added after that. */
    Value end() {
        word(((long) words * Long.BYTES) << (Long.SIZE - Byte.SIZE));
        v2 ^= 0xEE;
        for (int i = 0; i < LAST_ROUNDS; i++) {
            round();
        }
        long first = v0 ^ v1 ^ v2 ^ v3;
        v1 ^= 0xDD;
        for (int i = 0; i < LAST_ROUNDS; i++) {
            round();
        }
        return new Value(first, v0 ^ v1 ^ v2 ^ v3);
    }

    /** A digest, in two halves. */
    record Value(long first, long second) {
        /** {@link #equals} for a value whose type is known. */
        boolean isSame(Value other) {
            return first == other.first && second == other.second;
        }
    }
}
