package dev.refrain.engine.internal.ids;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * SipHash-2-4 of one 64-bit number (Aumasson, Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012):
 * without its key of 128 bits, its values cannot be told from random ones, even if many of them are known.
 * Allocates nothing. Immutable.
 */
final class SipHash {
    /** Length of a key in bytes. */
    static final int KEY_LENGTH = 16;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    /** The last block of a message: its length in the highest byte, and no remaining message bytes. */
    private static final long LENGTH_BLOCK = (long) Long.BYTES << 56;

    private final long k0;
    private final long k1;

    /** @param key at least {@link #KEY_LENGTH} bytes, of which the first ones are used */
    SipHash(byte[] key) {
        k0 = (long) LONG.get(key, 0);
        k1 = (long) LONG.get(key, 8);
    }

    /** The hash of the eight bytes of a number, in little-endian order. */
    long of(long message) {
        long v0 = k0 ^ 0x736F6D6570736575L;
        long v1 = k1 ^ 0x646F72616E646F6DL;
        long v2 = k0 ^ 0x6C7967656E657261L;
        long v3 = k1 ^ 0x7465646279746573L;
        // Two rounds for each of the two blocks, then four to finish.
        for (int round = 0; round < 8; round++) {
            if (round == 0) {
                v3 ^= message;
            } else if (round == 2) {
                v0 ^= message;
                v3 ^= LENGTH_BLOCK;
            } else if (round == 4) {
                v0 ^= LENGTH_BLOCK;
                v2 ^= 0xFF;
            }
            v0 += v1;
            v2 += v3;
            v1 = Long.rotateLeft(v1, 13) ^ v0;
            v3 = Long.rotateLeft(v3, 16) ^ v2;
            v0 = Long.rotateLeft(v0, 32);
            v2 += v1;
            v0 += v3;
            v1 = Long.rotateLeft(v1, 17) ^ v2;
            v3 = Long.rotateLeft(v3, 21) ^ v0;
            v2 = Long.rotateLeft(v2, 32);
        }
        return v0 ^ v1 ^ v2 ^ v3;
    }
}
