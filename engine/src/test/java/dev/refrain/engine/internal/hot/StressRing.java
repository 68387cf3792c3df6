package dev.refrain.engine.internal.hot;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** The smallest possible ring, and records that show whether they are whole. */
final class StressRing {
    static final int BLOCK = 4 * Tape.UNIT;
    /** Records that fit on the tape. */
    static final int RECORDS = BLOCK / Tape.UNIT * Tape.BLOCKS;

    private static final int VALUE = 24;

    final RecordRing ring;

    /** @param words number of words of the index: enough for one bucket, or for more */
    StressRing(int words) {
        DirectMemory memory = new DirectMemory(1L << 20, () -> 0, ByteBuffer::allocate);
        ring = new RecordRing(BLOCK, BLOCK * Tape.BLOCKS / words, memory);
    }

    /** A hash in which the key fills the tag, so that keys of one bucket have different tags. */
    private static long hash(int key) {
        return ((long) key << 54) | ((long) key << 3);
    }

    boolean append(int key, RecordRing.Cursor searched) {
        byte[] value = new byte[VALUE];
        Arrays.fill(value, (byte) key);
        return ring.append(hash(key), bytes(key), 0, 4, value, VALUE / 2, value, VALUE / 2, searched);
    }

    boolean append(int key) {
        RecordRing.Cursor cursor = new RecordRing.Cursor();
        search(key, cursor);
        return append(key, cursor);
    }

    boolean search(int key, RecordRing.Cursor into) {
        return ring.find(hash(key), bytes(key), 0, 4, into);
    }

    void hit(int key) {
        ring.hit(hash(key));
    }

    /** Returns "none", "whole", or what is wrong. */
    String find(int key) {
        RecordRing.Cursor found = new RecordRing.Cursor();
        byte[] value = new byte[VALUE];
        if (!search(key, found) || !found.copy(0, value, 0, VALUE)) {
            return "none";
        }
        for (byte one : value) {
            if (one != (byte) key) {
                return "torn";
            }
        }
        return "whole";
    }

    private static byte[] bytes(int key) {
        return new byte[] {(byte) key, (byte) (key >> 8), (byte) (key >> 16), (byte) (key >> 24)};
    }
}
