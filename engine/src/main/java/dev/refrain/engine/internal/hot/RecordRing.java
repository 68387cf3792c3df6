package dev.refrain.engine.internal.hot;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * A ring buffer of records in direct memory, of bounded size. A record is written at the head and stays until the head
 * comes round again. A new record is admitted only if it is requested more often than the records it would overwrite.
 * An older record that is requested more often stays for another round, and the head skips it (the admission of
 * TinyLFU; Einziger, Friedman, Manes, ACM ToS 2017). So a hit writes only a counter, and a scan evicts little.
 *
 * <p>An index maps a hash to a position on the {@link Tape}. Positions only increase, so an index word never holds the
 * same value twice. That makes the word a sequence lock for its record: a writer clears the word before it changes a
 * byte of the record; a reader copies the bytes and then checks the word again. If the word has changed, the copy is
 * discarded. The whole key is compared, so equal hashes never lead to a wrong record.
 *
 * <p>Any thread may read. One thread at a time writes; a second writer gives up instead of waiting, except in
 * {@link #wipe} and {@link #close}. Every record on the tape is reachable through the index, so a wipe misses none.
 *
 * <p>Long, since readers and the writer can only be understood together: reads rely on the order of the writes.
 */
public final class RecordRing {
    private static final int MIN_BLOCK = 64 << 10;
    private static final int MAX_BLOCK = 1 << 30;

    /**
     * Bits of an index word that hold a part of the hash. The other bits hold the position, in units, and are enough
     * for centuries of writing.
     */
    private static final int TAG_BITS = 10;

    static final int WAYS = 8;
    /** The index has one word for this many bytes of the ring. Records are longer, so most words stay free. */
    private static final int BYTES_PER_WORD = 512;

    /** An append gives up when this many older records are requested at least as often as the new one. */
    private static final int MAX_STAYING = 2;

    private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(long[].class);
    private static final VarHandle WIPES;

    static {
        try {
            WIPES = MethodHandles.lookup().findVarHandle(RecordRing.class, "wipes", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Tape tape;
    private final long[] index;
    private final Frequencies frequencies;

    /**
     * Number of requests that a key needs before an append is tried. A failed append raises the number, and it falls
     * slowly, so that few appends fail. A race may lose a step.
     */
    private int bar = 1;

    private final AtomicBoolean writing = new AtomicBoolean();
    /** Guarded by {@link #writing}. */
    private boolean closed;
    /** Number of wipes so far. A value that was read from the store before a wipe must not be appended after it. */
    private long wipes;

    /** @param capacityBytes memory to use, if {@link DirectMemory} grants it; at least 1 MiB, at most 16 GiB */
    public RecordRing(long capacityBytes, DirectMemory memory) {
        this(
                (int) Math.max(MIN_BLOCK, Math.min(MAX_BLOCK, capacityBytes / Tape.BLOCKS)) / Tape.UNIT * Tape.UNIT,
                BYTES_PER_WORD,
                memory);
    }

    /** A ring of any size, for tests. */
    RecordRing(int blockSize, int bytesPerWord, DirectMemory memory) {
        tape = new Tape(blockSize, memory);
        long words = Math.max(WAYS, Math.min(1 << 26, (long) blockSize * Tape.BLOCKS / bytesPerWord));
        index = new long[Integer.highestOneBit((int) words - 1) * 2];
        frequencies = new Frequencies(index.length);
    }

    /** The largest length of a record, key and value together, in bytes. */
    public int maxLength() {
        return tape.blockSize / 2 - Tape.KEY;
    }

    /** A record that was found, and the buffers for finding it. Used by one thread at a time. */
    public static final class Cursor {
        private RecordRing ring;
        private int word;
        private long content;
        private int at;
        private int valueLength;
        private byte[] key = new byte[64];
        /** {@link RecordRing#wipes} before the last search. */
        private long wipes;

        /** Length of the record's value. */
        public int valueLength() {
            return valueLength;
        }

        /**
         * Copies a part of the record's value.
         *
         * @return false if the record was overwritten; the copied bytes are then invalid
         */
        public boolean copy(int offset, byte[] into, int to, int length) {
            if (offset < 0 || length < 0 || offset > valueLength - length) {
                return false;
            }
            ByteBuffer block = ring.tape.block(position(content));
            if (block == null) {
                return false;
            }
            block.get(at + offset, into, to, length);
            return ring.isStillThere(word, content);
        }

        /** Bytes of memory that this cursor keeps. */
        public int bytes() {
            return key.length;
        }
    }

    /**
     * Looks for a record.
     *
     * @param hash hash of the key; all of its bits must be as good as random
     * @param found receives the record if there is one
     */
    public boolean find(long hash, byte[] key, int from, int length, Cursor found) {
        found.wipes = (long) WIPES.getAcquire(this);
        int first = bucket(hash);
        for (int word = first; word < first + WAYS; word++) {
            long content = (long) WORD.getAcquire(index, word);
            if (isOf(content, hash) && isRecord(word, content, key, from, length, found)) {
                return true;
            }
        }
        return false;
    }

    private boolean isRecord(int word, long content, byte[] key, int from, int length, Cursor found) {
        long position = position(content);
        ByteBuffer block = tape.block(position);
        if (block == null) {
            return false;
        }
        int at = tape.offset(position);
        int keyLength = Tape.keyLength(block, at);
        int valueLength = Tape.valueLength(block, at);
        // Lengths that were read during a write may be any number.
        if (keyLength != length || length > tape.blockSize - at - Tape.KEY) {
            return false;
        }
        if (found.key.length < length) {
            found.key = new byte[Math.max(length, found.key.length * 2)];
        }
        block.get(at + Tape.KEY, found.key, 0, length);
        if (!isStillThere(word, content) || !Arrays.equals(found.key, 0, length, key, from, from + length)) {
            return false;
        }
        found.ring = this;
        found.word = word;
        found.content = content;
        found.at = at + Tape.KEY + length;
        found.valueLength = valueLength;
        return true;
    }

    /** Whether all bytes that were read of the record so far are valid: no write can have changed them. */
    private boolean isStillThere(int word, long content) {
        VarHandle.acquireFence();
        return (long) WORD.getOpaque(index, word) == content;
    }

    /** Counts a request that was answered from a record. */
    public void hit(long hash) {
        frequencies.count(hash);
    }

    /**
     * Counts a request for which no record was found. Returns whether the key is requested often enough to
     * try {@link #append}.
     */
    public boolean shouldAdmit(long hash) {
        if (frequencies.age() && bar > 1) {
            bar--;
        }
        return frequencies.count(hash) > bar;
    }

    /** Like {@link #shouldAdmit}, for requests that {@link #hit} has counted already. */
    public boolean isFrequent(long hash) {
        if (frequencies.age() && bar > 1) {
            bar--;
        }
        return frequencies.of(hash) >= bar;
    }

    /** Wipes an obsolete record, unless another thread is writing. */
    public void drop(Cursor found) {
        if (!writing.compareAndSet(false, true)) {
            return;
        }
        try {
            if (index[found.word] == found.content) {
                wipeRecord(found.word);
            }
        } finally {
            writing.setRelease(false);
        }
    }

    /**
     * Appends a record if it is requested more often than the records it would overwrite. It replaces an older record
     * of the same key.
     *
     * @param a the first part of the value
     * @param b the second part of the value
     * @param searched the cursor of the last search for the key, which must precede the read of the value
     *     from the store
     * @return false if the record was not appended: older ones are requested more often, it is too long, another thread
     *     is writing, or records were wiped since the search
     */
    public boolean append(
            long hash,
            byte[] key,
            int from,
            int length,
            byte[] a,
            int aLength,
            byte[] b,
            int bLength,
            Cursor searched) {
        if ((long) length + aLength + bLength > maxLength() || !writing.compareAndSet(false, true)) {
            return false;
        }
        try {
            if (closed || searched.wipes != wipes) {
                return false;
            }
            if (find(hash, key, from, length, searched)) {
                wipeRecord(searched.word);
            }
            if (!reserve(Tape.roundUp(Tape.KEY + length + aLength + bLength), frequencies.of(hash))) {
                return false;
            }
            int word = freeWord(bucket(hash));
            long position = tape.head();
            tape.write(hash, key, from, length, a, aLength, b, bLength);
            WORD.setRelease(index, word, content(position, hash));
            return true;
        } finally {
            writing.setRelease(false);
        }
    }

    /** Makes room at the head. Returns false if older records stay there, or if there is no memory. */
    private boolean reserve(int room, int frequency) {
        int staying = 0;
        int blocksLeft = 0;
        while (blocksLeft <= Tape.BLOCKS) {
            if (!tape.fits(room) || !tape.hasMemory()) {
                while (!tape.reaches(tape.nextBlock())) {
                    evictTail();
                }
                tape.leaveBlock();
                blocksLeft++;
            } else if (tape.isFree(room)) {
                return true;
            } else if (wordOf(tape.tail()) < 0 || frequencies.of(tape.hash(tape.tail())) < frequency) {
                evictTail();
            } else {
                // Only free space is between head and tail, so the oldest record can stay in place as the newest.
                int word = wordOf(tape.tail());
                long hash = tape.hash(tape.tail());
                WORD.setRelease(index, word, content(tape.keepTail(), hash));
                if (++staying == MAX_STAYING) {
                    bar = Math.min(bar + 1, Frequencies.MAX - 1);
                    return false;
                }
            }
        }
        return false;
    }

    private void evictTail() {
        int word = wordOf(tape.tail());
        if (word >= 0) {
            unlink(word);
        }
        tape.passTail();
    }

    /** Must be called before any byte of a record changes. */
    private void unlink(int word) {
        WORD.setOpaque(index, word, 0L);
        // A reader that sees any byte of a later write also sees that the word has changed.
        VarHandle.releaseFence();
    }

    private void wipeRecord(int word) {
        long position = position(index[word]);
        unlink(word);
        tape.wipe(position);
    }

    private long hashAt(int word) {
        return tape.hash(position(index[word]));
    }

    /** The index word that refers to a position, or -1 if there is none. */
    private int wordOf(long position) {
        if (tape.hasRecord(position)) {
            int first = bucket(tape.hash(position));
            for (int word = first; word < first + WAYS; word++) {
                if (index[word] != 0 && position(index[word]) == position) {
                    return word;
                }
            }
        }
        return -1;
    }

    /** A free word of a bucket. If there is none, the least requested record is removed first. */
    private int freeWord(int first) {
        int least = first;
        int frequency = Integer.MAX_VALUE;
        for (int word = first; word < first + WAYS; word++) {
            if (index[word] == 0) {
                return word;
            }
            int asked = frequencies.of(hashAt(word));
            if (asked < frequency) {
                least = word;
                frequency = asked;
            }
        }
        wipeRecord(least);
        return least;
    }

    /** Decides which records are wiped. Only the bytes of the key and the value in the block are meaningful. */
    public interface Stale {
        boolean test(ByteBuffer block, int keyAt, int keyLength, int valueAt, int valueLength);
    }

    /**
     * Overwrites all stale records and all remains of removed ones. Refuses each later {@link #append} whose
     * search came before, because its value may be stale as well. Waits for the current writer; other writers
     * give up meanwhile.
     *
     * @param stale called while no record can be appended; must not use this ring
     * @return number of records wiped
     */
    public int wipe(Stale stale) {
        int[] wiped = new int[1];
        for (int number = 0; number < Tape.BLOCKS; number++) {
            lock();
            try {
                if (number == 0) {
                    WIPES.setRelease(this, wipes + 1);
                }
                tape.visit(number, position -> {
                    ByteBuffer block = tape.block(position);
                    int at = tape.offset(position);
                    int keyLength = Tape.keyLength(block, at);
                    int keyAt = at + Tape.KEY;
                    if (stale.test(block, keyAt, keyLength, keyAt + keyLength, Tape.valueLength(block, at))) {
                        wipeRecord(wordOf(position));
                        wiped[0]++;
                    }
                });
            } finally {
                writing.setRelease(false);
            }
        }
        return wiped[0];
    }

    /** Wipes the record of a key, if there is one. Refuses appends and waits like {@link #wipe}. */
    public void remove(long hash, byte[] key, int from, int length, Cursor scratch) {
        lock();
        try {
            WIPES.setRelease(this, wipes + 1);
            if (find(hash, key, from, length, scratch)) {
                wipeRecord(scratch.word);
            }
        } finally {
            writing.setRelease(false);
        }
    }

    /** Wipes everything and returns the memory. Later searches find nothing, and later appends fail. Idempotent. */
    public void close() {
        lock();
        try {
            closed = true;
            for (int word = 0; word < index.length; word++) {
                WORD.setOpaque(index, word, 0L);
            }
            VarHandle.releaseFence();
            tape.release();
        } finally {
            writing.setRelease(false);
        }
    }

    /** Direct memory in use now, in bytes. */
    public long bytes() {
        lock();
        try {
            return tape.bytes();
        } finally {
            writing.setRelease(false);
        }
    }

    /** Waits until no other thread writes. A writer copies one record, or wipes one block. */
    private void lock() {
        while (!writing.compareAndSet(false, true)) {
            LockSupport.parkNanos(10_000);
        }
    }

    private int bucket(long hash) {
        return (int) hash & (index.length - WAYS);
    }

    private static boolean isOf(long content, long hash) {
        return content != 0 && (content & ((1 << TAG_BITS) - 1)) == hash >>> (64 - TAG_BITS);
    }

    private static long content(long position, long hash) {
        return ((position / Tape.UNIT) << TAG_BITS) | (hash >>> (64 - TAG_BITS));
    }

    private static long position(long content) {
        return (content >>> TAG_BITS) * Tape.UNIT;
    }
}
