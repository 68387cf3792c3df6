package dev.refrain.engine.internal;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Skips the text of JSON strings (RFC 8259, section 7), many bytes at a time. */
public final class JsonStrings {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long EACH_BYTE = 0x0101010101010101L;
    private static final long HIGH_BITS = 0x8080808080808080L;

    private JsonStrings() {}

    /**
     * Returns the index of the first byte that is a quote, a backslash, a control character or not ASCII. May stop
     * earlier at one of the last seven bytes, which the caller then tests itself. Tests eight bytes first, because most
     * strings are short, and then 32 at a time.
     */
    public static int skipPlain(byte[] bytes, int from, int end) {
        int at = from;
        if (at <= end - Long.BYTES) {
            long special = special(bytes, at) & HIGH_BITS;
            if (special != 0) {
                return at + (Long.numberOfTrailingZeros(special) >>> 3);
            }
            at += Long.BYTES;
        }
        for (; at <= end - 4 * Long.BYTES; at += 4 * Long.BYTES) {
            long first = special(bytes, at);
            long second = special(bytes, at + Long.BYTES);
            long third = special(bytes, at + 2 * Long.BYTES);
            long fourth = special(bytes, at + 3 * Long.BYTES);
            if (((first | second | third | fourth) & HIGH_BITS) != 0) {
                // The end of a string cannot be predicted, so code without branches is faster than stopping early.
                long which = highBits(first) | highBits(second) << 8 | highBits(third) << 16 | highBits(fourth) << 24;
                return at + Long.numberOfTrailingZeros(which);
            }
        }
        for (; at <= end - Long.BYTES; at += Long.BYTES) {
            long special = special(bytes, at) & HIGH_BITS;
            if (special != 0) {
                return at + (Long.numberOfTrailingZeros(special) >>> 3);
            }
        }
        return at;
    }

    /** The high bits of eight bytes as one byte. The first byte's high bit is the lowest bit. */
    private static long highBits(long eight) {
        return ((eight & HIGH_BITS) * 0x0002040810204081L) >>> 56;
    }

    private static long special(byte[] bytes, int at) {
        return special((long) LONG.get(bytes, at));
    }

    /**
     * Marks in its high bit each byte that is a quote, a backslash, a control character or not ASCII. Exact up to the
     * first such byte in memory order; later marks may be false, because a subtraction borrows from the byte after one
     * that is marked.
     */
    private static long special(long eight) {
        // The exclusive or swaps 0x20 and 0x22 (and 0x21 and 0x23). So the quote comes right after the control
        // characters, and one comparison finds both. A byte that is not ASCII keeps its high bit in the second
        // difference, or, if it is 0xDC, in the first.
        long quoteOrControl = (eight ^ EACH_BYTE * 0x02) - EACH_BYTE * 0x21;
        long backslash = (eight ^ EACH_BYTE * '\\') - EACH_BYTE;
        return quoteOrControl | backslash;
    }

    /** Whether a backslash and this byte are an escape sequence of two bytes. */
    public static boolean isShortEscape(byte b) {
        return switch (b) {
            case '"', '\\', '/', 'b', 'f', 'n', 'r', 't' -> true;
            default -> false;
        };
    }
}
