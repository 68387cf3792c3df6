package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The facts about a value that eviction needs: its owner (the entry that it belongs to), and the owner's size and cost.
 * The parts of a large entry are evicted together. So each part's head has the hash of the entry's key at
 * {@link #OWNER}, and the entry's length at {@link #TOTAL}. In the head of an entry these offsets have other fields,
 * which a part does not need.
 */
final class EvictionFacts {
    /** Offset of the eight bytes of a key that serve as its hash. A key is a digest, so any of its bytes will do. */
    static final int KEY_HASH = 8;

    static final int OWNER = 24;
    static final int TOTAL = 32;

    /** A model generates some 60 tokens a second. */
    private static final int MILLIS_PER_TOKEN = 16;
    /**
     * A token is some four characters, or two bytes when compressed. Its share of the JSON around it takes two more.
     */
    private static final int BYTES_PER_TOKEN = 4;

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private EvictionFacts() {}

    static long hash(byte[] key) {
        return (long) LONG.get(key, KEY_HASH);
    }

    /** The hash of the entry that a value belongs to. */
    static long owner(byte[] key, EntryBuffer value) {
        return Kind.isMark(value.bytes()[Kind.OFFSET]) ? (long) LONG.get(value.bytes(), OWNER) : hash(key);
    }

    /** The length of the entry that a value belongs to, given the length of the value. */
    static int total(byte[] value, int length) {
        return Kind.isMark(value[Kind.OFFSET]) ? (int) INT.get(value, TOTAL) : length;
    }

    /** The room that a value's entry takes, in chunks. */
    static int chunks(EntryBuffer value) {
        return chunks(total(value.bytes(), value.length()));
    }

    /** The chunks of an entry of the given length. The length may come from a damaged file. */
    static int chunks(int length) {
        return Layout.chunks(Math.max(EntryHead.LENGTH, length));
    }

    /** What fetching a value's entry cost, in tokens. */
    static int cost(EntryBuffer value) {
        return cost(value.bytes(), total(value.bytes(), value.length()));
    }

    /** {@link #cost(EntryBuffer)}, given the value's head and the length of its entry. */
    static int cost(byte[] head, int total) {
        return cost((int) INT.get(head, EntryHead.TOKENS), (int) INT.get(head, EntryHead.FETCH_MILLIS), total);
    }

    static int cost(int tokens, int fetchMillis, int length) {
        if (tokens > 0) {
            return tokens;
        }
        return Math.max(1, fetchMillis > 0 ? fetchMillis / MILLIS_PER_TOKEN : length / BYTES_PER_TOKEN);
    }

    /** Marks a piece with the entry that it belongs to. */
    static void mark(byte[] piece, byte[] key, int total) {
        LONG.set(piece, OWNER, hash(key));
        INT.set(piece, TOTAL, total);
    }
}
