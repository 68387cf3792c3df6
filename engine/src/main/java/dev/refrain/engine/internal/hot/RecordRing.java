package dev.refrain.engine.internal.hot;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A bounded number of bytes outside the heap, filled with records like a tape that runs in a circle: a record is written at the head,
 * and stays until the head has come round again. A new record has to be asked for more often than those that it would overwrite; one
 * that it does not outdo stays where it is for another round, and the head passes over it (the admission of TinyLFU; Einziger,
 * Friedman, Manes, ACM ToS 2017). So hits write nothing but a counter, and a scan washes little out.
 *
 * <p>An index of words leads from a hash to a position, which counts up for ever: what lies more than the tape's length behind the head
 * has been written over. That makes reading as simple as with a sequence lock. A writer moves the head before it writes; a reader
 * copies what it wants and then looks at the head, and if that has passed, there is no record. A record that stays gets a position that
 * is one round further on. Records are compared with the whole key, so neither a crowded index nor equal hashes ever lead to a wrong one.
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
    /** The index has a word for each that many bytes: records are longer, so that most of the words are free. */
    private static final int BYTES_PER_WORD = 512;

    /** Records that stay, for one that comes, before that is given up. */
    private static final int MAX_STAYING = 2;

    private static final int KEY_LENGTH = 0;
    private static final int VALUE_LENGTH = 4;
    private static final int HASH = 8;
    private static final int KEY = 16;
    /** In place of a key's length: nothing is here, for as many bytes as the value has, this header included. */
    private static final int NOTHING = -1;

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
    /** The oldest record that is still there, or the head; of whoever is writing. */
    private long tail;

    /**
     * How often a record has to be asked for to be worth an attempt: rises with each attempt in vain and falls slowly, so that trying costs
     * those little that are not going to succeed. Races lose a step.
     */
    private int bar = 1;
    /** Asking for memory again would have the JVM collect garbage each time. Of whoever is writing. */
    private boolean refusedMemory;

    private final Frequencies frequencies;
    private final AtomicBoolean writing = new AtomicBoolean();

    /** @param capacityBytes how much memory to take; at least 1 MiB and at most 16 GiB, else that */
    public RecordRing(long capacityBytes) {
        blockSize = (int) Math.max(MIN_BLOCK, Math.min(MAX_BLOCK, capacityBytes / BLOCKS)) / UNIT * UNIT;
        blockShift = 32 - Integer.numberOfLeadingZeros(blockSize - 1);
        window = (long) BLOCKS << blockShift;
        long words = Math.min(1 << 26, (long) blockSize * BLOCKS / BYTES_PER_WORD);
        index = new long[Integer.highestOneBit((int) words - 1) * 2];
        // No record is at position 0: a word of 0 is a free one.
        head = 1L << blockShift;
        tail = head;
        frequencies = new Frequencies(index.length);
    }

    /** The longest record, key and value together. */
    public int maxLength() {
        return blockSize / 2 - KEY;
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

    /** A record was of use. */
    public void hit(long hash) {
        frequencies.count(hash);
    }

    /** A record would have been of use. Returns whether it is worth trying to append it. */
    public boolean missed(long hash) {
        if (frequencies.age() && bar > 1) {
            bar--;
        }
        return frequencies.count(hash) > bar;
    }

    /** A record that was found is of no use any more. */
    public void drop(Cursor found) {
        WORD.compareAndSet(index, found.word, found.content, 0L);
    }

    /**
     * Appends a record, if it is asked for more often than what would have to go. An older one of the same key gives way to it.
     *
     * @param a the beginning of the value
     * @param b the rest of it
     * @return false if the record has not been taken: also if it is too long, or another thread is writing just now
     */
    public boolean append(
            long hash, byte[] key, int from, int length, byte[] a, int aLength, byte[] b, int bLength, Cursor scratch) {
        if ((long) length + aLength + bLength > maxLength() || !writing.compareAndSet(false, true)) {
            return false;
        }
        try {
            boolean replaces = find(hash, key, from, length, scratch);
            long position = reserve(KEY + length + aLength + bLength, frequencies.of(hash));
            if (position < 0) {
                return false;
            }
            ByteBuffer block = blocks[block(position)];
            int at = offset(position);
            block.putInt(at + KEY_LENGTH, length);
            block.putInt(at + VALUE_LENGTH, aLength + bLength);
            block.putLong(at + HASH, hash);
            block.put(at + KEY, key, from, length);
            block.put(at + KEY + length, a, 0, aLength);
            block.put(at + KEY + length + aLength, b, 0, bLength);
            int word = replaces ? scratch.word : leastOf(bucket(hash));
            WORD.setRelease(index, word, content(position, hash));
            return true;
        } finally {
            writing.setRelease(false);
        }
    }

    /** Moves the head past room for a record. Returns where that is, or -1 if there is none. */
    private long reserve(int length, int frequency) {
        long room = roundUp(length);
        long from = head;
        int staying = 0;
        while (true) {
            if (offset(from) + room > blockSize) {
                from = leaveBlock(from);
            }
            if (blocks[block(from)] == null && !allocate(block(from))) {
                return -1;
            }
            if (tail + window >= from + room) {
                moveHead(from + room);
                return from;
            }
            // The head stands right before the tail, but for what is free between them.
            long stays = tail + window;
            int word = wordOf(tail);
            long next = next(tail);
            if (word < 0 || frequencies.of(hash(tail)) < frequency) {
                if (word >= 0) {
                    WORD.setRelease(index, word, 0L);
                }
                tail = next;
            } else {
                long end = next + window;
                moveHead(end);
                markNothing(from, stays);
                WORD.setRelease(index, word, content(stays, hash(tail)));
                tail = next;
                from = end;
                if (++staying == MAX_STAYING) {
                    bar = Math.min(bar + 1, Frequencies.MAX - 1);
                    return -1;
                }
            }
        }
    }

    /** Gives up the rest of a block. Returns where the next one begins. */
    private long leaveBlock(long from) {
        long begin = nextBlock(from);
        while (tail + window < begin) {
            int word = wordOf(tail);
            if (word >= 0) {
                WORD.setRelease(index, word, 0L);
            }
            tail = next(tail);
        }
        moveHead(begin);
        markNothing(from, from - offset(from) + blockSize);
        return begin;
    }

    private void moveHead(long to) {
        HEAD.setOpaque(this, to);
        // Who sees a byte of what is written from now on sees that the head has moved.
        VarHandle.releaseFence();
    }

    private void markNothing(long from, long to) {
        if (from < to) {
            ByteBuffer block = blocks[block(from)];
            block.putInt(offset(from) + KEY_LENGTH, NOTHING);
            block.putInt(offset(from) + VALUE_LENGTH, (int) (to - from));
        }
    }

    /** Where the record after this one begins, or what else there is. */
    private long next(long position) {
        ByteBuffer block = blocks[block(position)];
        int keyLength = block.getInt(offset(position) + KEY_LENGTH);
        int valueLength = block.getInt(offset(position) + VALUE_LENGTH);
        int length = keyLength == NOTHING ? valueLength : (int) roundUp(KEY + keyLength + valueLength);
        return offset(position) + length == blockSize ? nextBlock(position) : position + length;
    }

    private long nextBlock(long position) {
        return ((position >>> blockShift) + 1) << blockShift;
    }

    private long hash(long position) {
        return blocks[block(position)].getLong(offset(position) + HASH);
    }

    /** The word of the index that leads to a position, or -1 if nothing does. */
    private int wordOf(long position) {
        if (blocks[block(position)].getInt(offset(position) + KEY_LENGTH) != NOTHING) {
            int first = bucket(hash(position));
            for (int word = first; word < first + WAYS; word++) {
                if (index[word] != 0 && position(index[word]) == position) {
                    return word;
                }
            }
        }
        return -1;
    }

    private static long roundUp(int length) {
        return (length + UNIT - 1) / UNIT * (long) UNIT;
    }

    private boolean allocate(int block) {
        if (!refusedMemory) {
            try {
                blocks[block] = ByteBuffer.allocateDirect(blockSize).order(ByteOrder.nativeOrder());
            } catch (OutOfMemoryError beyondMaxDirectMemorySize) {
                refusedMemory = true;
            }
        }
        return !refusedMemory;
    }

    /** A free word, or else that of the record that is asked for least. */
    private int leastOf(int first) {
        int least = first;
        int frequency = Integer.MAX_VALUE;
        for (int word = first; word < first + WAYS && frequency >= 0; word++) {
            boolean free = index[word] == 0 || !isStillThere(position(index[word]));
            int asked = free ? -1 : frequencies.of(hash(position(index[word])));
            if (asked < frequency) {
                least = word;
                frequency = asked;
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

    private static long content(long position, long hash) {
        return ((position / UNIT) << TAG_BITS) | (hash >>> (64 - TAG_BITS));
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
