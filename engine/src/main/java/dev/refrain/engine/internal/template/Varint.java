package dev.refrain.engine.internal.template;

import dev.refrain.engine.spi.EntryBuffer;

/**
 * Reads and writes unsigned LEB128 numbers of up to 35 bits, for patch tables. Input comes from a file and
 * is not trusted.
 */
final class Varint {
    private static final int MAX_LENGTH = 5;

    private Varint() {}

    static void append(GrowableBytes to, long number) {
        long rest = number;
        while ((rest & ~0x7FL) != 0) {
            to.append((int) rest | 0x80);
            rest >>>= 7;
        }
        to.append((int) rest);
    }

    static void append(EntryBuffer to, long number) {
        int at = to.length();
        byte[] bytes = to.resize(at + MAX_LENGTH);
        long rest = number;
        while ((rest & ~0x7FL) != 0) {
            bytes[at++] = (byte) ((int) rest | 0x80);
            rest >>>= 7;
        }
        bytes[at++] = (byte) rest;
        to.resize(at);
    }

    /**
     * Reads a number.
     *
     * @return the {@link #number} and the {@link #length} of its encoding, in one long
     * @throws IllegalArgumentException if the number does not end before {@code end}, or is too long
     */
    static long read(byte[] bytes, int from, int end) {
        long number = 0;
        for (int length = 0; length < MAX_LENGTH && from + length < end; ) {
            byte part = bytes[from + length];
            number |= (part & 0x7FL) << (7 * length);
            length++;
            if (part >= 0) {
                return number << 3 | length;
            }
        }
        throw new IllegalArgumentException("the patch table ends within a number");
    }

    static long number(long read) {
        return read >>> 3;
    }

    /** Length of the encoded number, in bytes. */
    static int length(long read) {
        return (int) read & 7;
    }
}
