package dev.refrain.engine.internal.hot;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Stores records one after another in a ring of blocks of direct memory. Positions only increase; a position more than
 * one round behind the head has been overwritten. No record spans two blocks. A block is allocated when the head first
 * reaches it, and skipped while there is no memory for it.
 *
 * <p>The caller makes sure that one thread writes at a time. Any thread may read, but only {@link RecordRing} can tell
 * whether the bytes that were read are a record.
 */
final class Tape {
    static final int BLOCKS = 16;
    /** Records begin at multiples of this many bytes. */
    static final int UNIT = 64;

    static final int KEY = 16;

    private static final int KEY_LENGTH = 0;
    private static final int VALUE_LENGTH = 4;
    private static final int HASH = 8;

    /**
     * Stands in place of a key's length, where there is no record. The field for the value's length then has the length
     * of the gap, including this header.
     */
    private static final int NOTHING = -1;
    /** Like {@link #NOTHING}; the bytes after the header are zeros. */
    private static final int WIPED = -2;

    private static final byte[] ZEROS = new byte[4096];

    final int blockSize;

    private final DirectMemory memory;
    private final ByteBuffer[] blocks = new ByteBuffer[BLOCKS];
    /**
     * The distance between the first positions of two successive blocks is 2^blockShift, which is at least the length
     * of a block.
     */
    private final int blockShift;

    private final long window;

    /** Position of the next record. */
    private long head;
    /** Position of the oldest record, or the head if there is none. */
    private long tail;

    /** @param blockSize a multiple of {@link #UNIT} */
    Tape(int blockSize, DirectMemory memory) {
        this.blockSize = blockSize;
        this.memory = memory;
        blockShift = 32 - Integer.numberOfLeadingZeros(blockSize - 1);
        window = (long) BLOCKS << blockShift;
        // The tape begins with the second block, since an index word with position 0 means "no record".
        head = 1L << blockShift;
        tail = head;
    }

    // ---- for any thread

    /** The block of a position, or null if it has no memory. */
    ByteBuffer block(long position) {
        return blocks[(int) (position >>> blockShift) & (BLOCKS - 1)];
    }

    int offset(long position) {
        return (int) position & ((1 << blockShift) - 1);
    }

    static int keyLength(ByteBuffer block, int at) {
        return block.getInt(at + KEY_LENGTH);
    }

    static int valueLength(ByteBuffer block, int at) {
        return block.getInt(at + VALUE_LENGTH);
    }

    // ---- for the writer

    long head() {
        return head;
    }

    long tail() {
        return tail;
    }

    static int roundUp(int length) {
        return (length + UNIT - 1) / UNIT * UNIT;
    }

    /** Whether this many bytes fit into the head's block. */
    boolean fits(int room) {
        return offset(head) + room <= blockSize;
    }

    /** Whether this many bytes from the head on are free. */
    boolean isFree(int room) {
        return tail + window >= head + room;
    }

    /** The highest position that the head may take without overtaking the tail. */
    private long limit() {
        return tail + window;
    }

    /** Whether the head's block has memory. Tries to allocate it if it has none. */
    boolean hasMemory() {
        ByteBuffer block = block(head);
        if (block == null) {
            block = memory.take(blockSize);
            if (block != null) {
                fill(block, 0, blockSize, WIPED);
                blocks[(int) (head >>> blockShift) & (BLOCKS - 1)] = block;
            }
        }
        return block != null;
    }

    boolean hasRecord(long position) {
        ByteBuffer block = block(position);
        return block != null && keyLength(block, offset(position)) >= 0;
    }

    long hash(long position) {
        return block(position).getLong(offset(position) + HASH);
    }

    /** The position after a record or a gap. */
    long next(long position) {
        ByteBuffer block = block(position);
        if (block == null) {
            return nextBlock(position);
        }
        int at = offset(position);
        int end = at + lengthAt(block, at);
        return end >= blockSize ? nextBlock(position) : position + (end - at);
    }

    private static int lengthAt(ByteBuffer block, int at) {
        int keyLength = keyLength(block, at);
        int valueLength = valueLength(block, at);
        return keyLength < 0 ? valueLength : roundUp(KEY + keyLength + valueLength);
    }

    private long nextBlock(long position) {
        return ((position >>> blockShift) + 1) << blockShift;
    }

    /** The first position of the block after the head's. */
    long nextBlock() {
        return nextBlock(head);
    }

    /** Whether the head could move to a position without overtaking the tail. */
    boolean reaches(long position) {
        return limit() >= position;
    }

    /** Drops the oldest record. */
    void passTail() {
        tail = next(tail);
    }

    /** Moves the head to the next block, which must be free. */
    void leaveBlock() {
        markNothing(head, blockSize - offset(head));
        head = nextBlock(head);
    }

    /** Makes the oldest record the newest without moving its bytes. Returns its new position. */
    long keepTail() {
        long stays = limit();
        markNothing(head, (int) (stays - head));
        passTail();
        head = limit();
        return stays;
    }

    /** Writes a record at the head. The caller has made room. */
    void write(long hash, byte[] key, int from, int length, byte[] a, int aLength, byte[] b, int bLength) {
        ByteBuffer block = block(head);
        int at = offset(head);
        int end = at + KEY + length + aLength + bLength;
        int room = roundUp(end - at);
        block.putInt(at + KEY_LENGTH, length);
        block.putInt(at + VALUE_LENGTH, aLength + bLength);
        block.putLong(at + HASH, hash);
        block.put(at + KEY, key, from, length);
        block.put(at + KEY + length, a, 0, aLength);
        block.put(at + KEY + length + aLength, b, 0, bLength);
        zero(block, end, at + room);
        head += room;
    }

    private void markNothing(long position, int length) {
        ByteBuffer block = block(position);
        if (length > 0 && block != null) {
            block.putInt(offset(position) + KEY_LENGTH, NOTHING);
            block.putInt(offset(position) + VALUE_LENGTH, length);
        }
    }

    /** Overwrites a record. */
    void wipe(long position) {
        ByteBuffer block = block(position);
        int at = offset(position);
        fill(block, at, lengthAt(block, at), WIPED);
    }

    private static void fill(ByteBuffer block, int at, int length, int mark) {
        zero(block, at, at + length);
        block.putInt(at + KEY_LENGTH, mark);
        block.putInt(at + VALUE_LENGTH, length);
    }

    private static void zero(ByteBuffer block, int from, int to) {
        for (int at = from; at < to; at += ZEROS.length) {
            block.put(at, ZEROS, 0, Math.min(ZEROS.length, to - at));
        }
    }

    /** Receives the positions of records. */
    interface Visitor {
        void visit(long position);
    }

    /**
     * Passes all records of a block to a visitor, and overwrites everything else in the block. The visitor
     * may wipe records.
     *
     * @param number 0 to {@link #BLOCKS} - 1
     */
    void visit(int number, Visitor visitor) {
        if (blocks[number] == null) {
            return;
        }
        long newest = head >>> blockShift;
        long round = newest - ((newest - number) & (BLOCKS - 1));
        // The head's block still has records of the last round, after the head.
        visit(Math.max((round - BLOCKS) << blockShift, tail), (round - BLOCKS + 1) << blockShift, visitor);
        visit(Math.max(round << blockShift, tail), Math.min((round + 1) << blockShift, head), visitor);
        // The free space reaches from the head to the tail's position plus one round.
        if (round == newest) {
            long end = Math.min((round << blockShift) + blockSize, limit());
            zero(blocks[number], offset(head), offset(head) + (int) (end - head));
        } else if (tail > round << blockShift) {
            long end = Math.min((round << blockShift) + blockSize, tail);
            zero(blocks[number], 0, (int) (end - (round << blockShift)));
        }
    }

    private void visit(long from, long to, Visitor visitor) {
        long position = from;
        while (position < to) {
            long next = next(position);
            if (hasRecord(position)) {
                visitor.visit(position);
            } else if (keyLength(block(position), offset(position)) == NOTHING) {
                wipe(position);
            }
            position = next;
        }
    }

    /** Wipes everything and returns the memory. Nothing may be written afterwards. */
    void release() {
        for (ByteBuffer block : blocks) {
            if (block != null) {
                zero(block, 0, blockSize);
                memory.give(block);
            }
        }
        Arrays.fill(blocks, null);
        tail = head;
    }

    /** Bytes allocated now. */
    long bytes() {
        long bytes = 0;
        for (ByteBuffer block : blocks) {
            bytes += block == null ? 0 : blockSize;
        }
        return bytes;
    }
}
