package dev.refrain.engine.internal.hot;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A bounded number of bytes outside the heap, filled with records like a tape that runs in a circle: a record is appended at the head,
 * and stays until the head has come round again. One that is asked for when much of the tape has passed since is appended anew, so
 * that what is asked for keeps away from the head: a FIFO with lazy promotion (Yang and others, "FIFO queues are all you need for
 * cache eviction", SOSP 2023).
 *
 * <p>An index of words leads from a hash to a position, which counts up for ever: what lies more than the tape's length behind the head
 * has been written over. That makes reading as simple as with a sequence lock. A writer moves the head before it writes; a reader
 * copies what it wants and then looks at the head, and if that has passed, there is no record. Records are compared with the whole key,
 * so neither a crowded index nor equal hashes ever lead to a wrong one.
 *
 * <p>The tape is cut into blocks, whose memory is taken when the head first comes to them; no record lies in two. Reading is for any
 * thread. Writers exclude each other, and one that would have to wait gives up instead.
 */
public final class RecordRing {
    private static final int BLOCKS = 16;
    private static final int MIN_BLOCK = 64 << 10;
    private static final int MAX_BLOCK = 1 << 30;
    /** Records begin at multiples of it. */
    private static final int UNIT = 64;

    /** Of a word of the index; the rest is the position in units, enough for centuries. */
    private static final int TAG_BITS = 10;

    private static final int WAYS = 8;
    /** The index has a word for each that many bytes. */
    private static final int BYTES_PER_WORD = 1024;

    private static final int KEY_LENGTH = 0;
    private static final int VALUE_LENGTH = 4;
    private static final int KEY = 8;

    private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(long[].class);
    private static final VarHandle HEAD;

    static {
        try {
            HEAD = MethodHandles.lookup().findVarHandle(RecordRing.class, "head", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final ByteBuffer[] blocks = new ByteBuffer[BLOCKS];
    private final int blockSize;
    /** Positions of neighbouring blocks stand 2^blockShift apart, which is at least the length of a block. */
    private final int blockShift;

    private final long window;
    private final long[] index;

    /** Where the next record goes. What is a window behind it, or more, is gone. */
    private long head;

    private final AtomicBoolean writing = new AtomicBoolean();

    /** @param capacityBytes how much memory to take; at least 1 MiB and at most 16 GiB, else that */
    public RecordRing(long capacityBytes) {
        blockSize = (int) Math.max(MIN_BLOCK, Math.min(MAX_BLOCK, capacityBytes / BLOCKS)) / UNIT * UNIT;
        blockShift = 32 - Integer.numberOfLeadingZeros(blockSize - 1);
        window = (long) BLOCKS << blockShift;
        long words = Math.min(1 << 28, (long) blockSize * BLOCKS / BYTES_PER_WORD);
        index = new long[Integer.highestOneBit((int) words - 1) * 2];
        // No record is at position 0: a word of 0 is a free one.
        head = 1L << blockShift;
    }

    /** The longest record, key and value together. */
    public int maxLength() {
        return blockSize / 2 - KEY;
    }

    /** How many records the index can lead to. */
    public int words() {
        return index.length;
    }

    /** A record that was found, and one thread's working memory for finding it. */
    public static final class Cursor {
        private RecordRing ring;
        private ByteBuffer block;
        private int word;
        private long content;
        private long position;
        private int at;
        private int keyLength;
        private int valueLength;
        private byte[] key = new byte[64];

        /** Length of the record's value. */
        public int valueLength() {
            return valueLength;
        }

        /**
         * Copies a part of the record's value.
         *
         * @return false if the record has been written over; then the copy is worth nothing
         */
        public boolean copy(int offset, byte[] into, int to, int length) {
            if (offset < 0 || length < 0 || offset > valueLength - length) {
                return false;
            }
            block.get(at + KEY + keyLength + offset, into, to, length);
            return ring.isStillThere(position);
        }

        /** Bytes of memory that this cursor keeps. */
        public int bytes() {
            return key.length;
        }
    }

    /**
     * Looks for a record.
     *
     * @param hash of the key, all of its bits as good as random
     * @param found becomes the record if there is one
     */
    public boolean find(long hash, byte[] key, int from, int length, Cursor found) {
        int first = bucket(hash);
        for (int word = first; word < first + WAYS; word++) {
            long content = (long) WORD.getAcquire(index, word);
            if (isOf(content, hash) && isRecord(content, key, from, length, found)) {
                found.word = word;
                found.content = content;
                return true;
            }
        }
        return false;
    }

    private boolean isRecord(long content, byte[] key, int from, int length, Cursor found) {
        long position = position(content);
        if (!isStillThere(position)) {
            return false;
        }
        ByteBuffer block = blocks[block(position)];
        int at = offset(position);
        int keyLength = block.getInt(at + KEY_LENGTH);
        int valueLength = block.getInt(at + VALUE_LENGTH);
        // What is read while a writer is at it may be any number.
        if (keyLength != length || keyLength > blockSize - at - KEY) {
            return false;
        }
        if (found.key.length < length) {
            found.key = new byte[Math.max(length, found.key.length * 2)];
        }
        block.get(at + KEY, found.key, 0, length);
        if (!isStillThere(position) || !Arrays.equals(found.key, 0, length, key, from, from + length)) {
            return false;
        }
        found.ring = this;
        found.block = block;
        found.position = position;
        found.at = at;
        found.keyLength = keyLength;
        found.valueLength = valueLength;
        return true;
    }

    /** Whether nothing that was read of a record until now can have been written over. */
    private boolean isStillThere(long position) {
        VarHandle.acquireFence();
        return (long) HEAD.getOpaque(this) - position <= window;
    }

    /** A record that was found has been of use: sees to it that it stays. */
    public void keep(Cursor found) {
        if (head - found.position > window / 2 && writing.compareAndSet(false, true)) {
            try {
                int length = KEY + found.keyLength + found.valueLength;
                if (index[found.word] == found.content) {
                    long to = reserve(length);
                    if (to >= 0 && isStillThere(found.position)) {
                        blocks[block(to)].put(offset(to), found.block, found.at, length);
                        WORD.setRelease(index, found.word, content(to, found.content));
                    }
                }
            } finally {
                writing.setRelease(false);
            }
        }
    }

    /** A record that was found is of no use any more. */
    public void drop(Cursor found) {
        WORD.compareAndSet(index, found.word, found.content, 0L);
    }

    /**
     * Appends a record. An older one of the same key gives way to it.
     *
     * @param a the beginning of the value
     * @param b the rest of it
     * @return false if the record is too long, or another thread is writing just now
     */
    public boolean append(
            long hash, byte[] key, int from, int length, byte[] a, int aLength, byte[] b, int bLength, Cursor scratch) {
        if ((long) length + aLength + bLength > maxLength() || !writing.compareAndSet(false, true)) {
            return false;
        }
        try {
            boolean replaces = find(hash, key, from, length, scratch);
            long position = reserve(KEY + length + aLength + bLength);
            if (position < 0) {
                return false;
            }
            ByteBuffer block = blocks[block(position)];
            int at = offset(position);
            block.putInt(at + KEY_LENGTH, length);
            block.putInt(at + VALUE_LENGTH, aLength + bLength);
            block.put(at + KEY, key, from, length);
            block.put(at + KEY + length, a, 0, aLength);
            block.put(at + KEY + length + aLength, b, 0, bLength);
            int word = replaces ? scratch.word : leastOf(bucket(hash));
            WORD.setRelease(index, word, content(position, hash >>> (64 - TAG_BITS)));
            return true;
        } finally {
            writing.setRelease(false);
        }
    }

    /** Moves the head past room for a record, and returns where that is, or -1 if there is no memory. */
    private long reserve(int length) {
        long position = head;
        if (offset(position) + length > blockSize) {
            position = ((position >>> blockShift) + 1) << blockShift;
        }
        if (blocks[block(position)] == null && !allocate(block(position))) {
            return -1;
        }
        HEAD.setOpaque(this, position + (length + UNIT - 1) / UNIT * (long) UNIT);
        // Who sees a byte of what is written now sees that the head has moved.
        VarHandle.releaseFence();
        return position;
    }

    private boolean allocate(int block) {
        try {
            blocks[block] = ByteBuffer.allocateDirect(blockSize).order(ByteOrder.nativeOrder());
            return true;
        } catch (OutOfMemoryError beyondMaxDirectMemorySize) {
            return false;
        }
    }

    /** A free word, or else that of the oldest record. */
    private int leastOf(int first) {
        int least = first;
        for (int word = first + 1; word < first + WAYS; word++) {
            if (position(index[word]) < position(index[least])) {
                least = word;
            }
        }
        return least;
    }

    private int bucket(long hash) {
        return (int) hash & (index.length - WAYS);
    }

    private static boolean isOf(long content, long hash) {
        return content != 0 && (content & ((1 << TAG_BITS) - 1)) == hash >>> (64 - TAG_BITS);
    }

    private static long content(long position, long tag) {
        return ((position / UNIT) << TAG_BITS) | (tag & ((1 << TAG_BITS) - 1));
    }

    private static long position(long content) {
        return (content >>> TAG_BITS) * UNIT;
    }

    private int block(long position) {
        return (int) (position >>> blockShift) & (BLOCKS - 1);
    }

    private int offset(long position) {
        return (int) position & ((1 << blockShift) - 1);
    }
}
