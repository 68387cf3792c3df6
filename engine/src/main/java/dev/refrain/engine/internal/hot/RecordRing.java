package dev.refrain.engine.internal.hot;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * A bounded number of bytes outside the heap, filled with records like a tape that runs in a circle: a record is written at the head,
 * and stays until the head has come round again. A new record has to be asked for more often than those that it would overwrite; one
 * that it does not outdo stays where it is for another round, and the head passes over it (the admission of TinyLFU; Einziger,
 * Friedman, Manes, ACM ToS 2017). So hits write nothing but a counter, and a scan washes little out.
 *
 * <p>An index of words leads from a hash to a position on the {@link Tape}. Positions count up for ever, so that a word never has the same
 * content again: it is the sequence lock of its record. A writer takes the word out of the index before it changes a byte of the record; a
 * reader copies what it wants and then looks at the word again, and if that has changed, there is no record. Records are compared with
 * the whole key, so neither a crowded index nor equal hashes ever lead to a wrong one.
 *
 * <p>Reading is for any thread. The tape and the index are changed by one thread at a time; one that would have to wait gives up instead,
 * but for {@link #wipe} and {@link #close}. No record is left on the tape that the index does not lead to, so that what is wiped is gone.
 */
public final class RecordRing {
    private static final int MIN_BLOCK = 64 << 10;
    private static final int MAX_BLOCK = 1 << 30;

    /** Of a word of the index; the rest is the position in units, enough for centuries. */
    private static final int TAG_BITS = 10;

    static final int WAYS = 8;
    /** The index has a word for each that many bytes: records are longer, so that most of the words are free. */
    private static final int BYTES_PER_WORD = 512;

    /** Records that stay, for one that comes, before that is given up. */
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
     * How often a record has to be asked for to be worth an attempt: rises with each attempt in vain and falls slowly, so that trying costs
     * those little that are not going to succeed. Races lose a step.
     */
    private int bar = 1;

    private final AtomicBoolean writing = new AtomicBoolean();
    /** Of whoever is writing. */
    private boolean closed;
    /** How often records were wiped; what was read from elsewhere before that must not be appended after it. */
    private long wipes;

    /** @param capacityBytes how much memory to take, if it can be had; at least 1 MiB and at most 16 GiB, else that */
    public RecordRing(long capacityBytes, DirectMemory memory) {
        this(
                (int) Math.max(MIN_BLOCK, Math.min(MAX_BLOCK, capacityBytes / Tape.BLOCKS)) / Tape.UNIT * Tape.UNIT,
                BYTES_PER_WORD,
                memory);
    }

    /** For tests: of any size. */
    RecordRing(int blockSize, int bytesPerWord, DirectMemory memory) {
        tape = new Tape(blockSize, memory);
        long words = Math.max(WAYS, Math.min(1 << 26, (long) blockSize * Tape.BLOCKS / bytesPerWord));
        index = new long[Integer.highestOneBit((int) words - 1) * 2];
        frequencies = new Frequencies(index.length);
    }

    /** The longest record, key and value together. */
    public int maxLength() {
        return tape.blockSize / 2 - Tape.KEY;
    }

    /** A record that was found, and one thread's working memory for finding it. */
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
         * @return false if the record is gone; then the copy is worth nothing
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
     * @param hash of the key, all of its bits as good as random
     * @param found becomes the record if there is one
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
        // What is read while a writer is at it may be any number.
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

    /** Whether nothing that was read of a record until now can have been written over. */
    private boolean isStillThere(int word, long content) {
        VarHandle.acquireFence();
        return (long) WORD.getOpaque(index, word) == content;
    }

    /** A record was of use. */
    public void hit(long hash) {
        frequencies.count(hash);
    }

    /** Counts a search in vain. Returns whether the record is asked for often enough to be worth an attempt to append it. */
    public boolean shouldAdmit(long hash) {
        if (frequencies.age() && bar > 1) {
            bar--;
        }
        return frequencies.count(hash) > bar;
    }

    /** The same for what is counted elsewhere, by {@link #hit}. */
    public boolean isFrequent(long hash) {
        if (frequencies.age() && bar > 1) {
            bar--;
        }
        return frequencies.of(hash) >= bar;
    }

    /** A record that was found is of no use any more: wipes it, unless another thread is writing just now. */
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
     * Appends a record, if it is asked for more often than what would have to go. An older one of the same key gives way to it.
     *
     * @param a the beginning of the value
     * @param b the rest of it
     * @param searched the cursor of the last search for it, before the value was read from where it comes from
     * @return false if the record has not been taken: also if it is too long, if another thread is writing just now, or if records were
     *     wiped since the search
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

    /** Makes room behind the head. Returns whether there is any. */
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
                // The head stands right before the tail, but for what is free between them.
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

    /** To be called before anything of a record is changed. */
    private void unlink(int word) {
        WORD.setOpaque(index, word, 0L);
        // Who sees a byte of what is written from now on sees that the word has changed.
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

    /** The word of the index that leads to a position, or -1 if nothing does. */
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

    /** A free word; there is one once the record that is asked for least has gone. */
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

    /** Tells records that are to be wiped. The bytes of the key and of the value stand in the block; nothing else of it means anything. */
    public interface Stale {
        boolean test(ByteBuffer block, int keyAt, int keyLength, int valueAt, int valueLength);
    }

    /**
     * Overwrites all records that are stale, and all that is left of earlier ones. What others have searched for before this and append
     * afterwards is refused: it may come from where it is no longer. Waits for whoever is writing; others give up meanwhile.
     *
     * @param stale called while nobody can append; must not use this ring
     * @return how many
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

    /** Wipes the record of a key, if there is one; otherwise like {@link #wipe}. */
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

    /** Wipes everything and gives the memory back; nothing is found or taken after that. Idempotent. */
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

    /** Bytes of memory outside the heap that it has now. */
    public long bytes() {
        lock();
        try {
            return tape.bytes();
        } finally {
            writing.setRelease(false);
        }
    }

    /** Writers are at it for as long as copying a record takes. */
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
