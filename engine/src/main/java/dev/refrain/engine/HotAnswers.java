package dev.refrain.engine;

import dev.refrain.engine.internal.hot.DirectMemory;
import dev.refrain.engine.internal.hot.RecordRing;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.function.BooleanSupplier;

/**
 * Decompressed copies of the answers that are requested most. A copy is served only while the store holds the entry
 * that it was made from: each hit compares the heads of the copy and the entry. So once any process removes or replaces
 * an entry, its copy is not served any more, and no message is needed.
 *
 * <p>The key of a ring record is the entry's key. Its value is the entry with the body decompressed. Thread-safe.
 */
final class HotAnswers {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    /**
     * An entry that compresses better than this, such as a stream of many events, is decompressed faster than its copy
     * is loaded from memory.
     */
    private static final long MAX_COMPRESSION = 4;

    private final CacheStore store;
    private final RecordRing ring;

    HotAnswers(CacheStore store, long capacityBytes) {
        this.store = store;
        this.ring = new RecordRing(capacityBytes, DirectMemory.ofJvm());
    }

    /** One thread's working memory. */
    static final class Scratch {
        private final RecordRing.Cursor cursor = new RecordRing.Cursor();
        private final byte[] head = new byte[EntryHead.LENGTH];
        private final BooleanSupplier copying = this::copy;

        private RecordRing ring;
        private KeyBuffer key;
        private EntryBuffer entry;
        private EntryBuffer body;

        /** Reads the copy, if it was made from the entry whose head is {@link #head}. */
        private boolean copy() {
            if (!ring.find(key.hash(), key.bytes(), 0, CacheKey.LENGTH, cursor)
                    || !EntryCodec.copy(cursor, entry, body)) {
                return false;
            }
            if (!isSameEntry(entry.bytes(), head)) {
                ring.drop(cursor);
                return false;
            }
            ring.hit(key.hash());
            return true;
        }
    }

    /**
     * Reads the copy of the entry that the store holds at this moment. The store is asked first, although there is
     * often no copy. If there is none, the entry is read next, and is then in the processor's caches already.
     *
     * @param entry receives the part before the body
     * @param body receives the body
     */
    boolean find(KeyBuffer key, EntryBuffer entry, EntryBuffer body, Scratch scratch) {
        scratch.ring = ring;
        scratch.key = key;
        scratch.entry = entry;
        scratch.body = body;
        boolean found = store.head(key.bytes(), scratch.head, scratch.copying);
        // The buffer belongs to the caller, so the pooled scratch must not keep it alive.
        scratch.body = null;
        return found;
    }

    /** Copies an entry that was read from the store, if it is read often. */
    void offer(KeyBuffer key, EntryBuffer entry, CachedResponse answer, Scratch scratch) {
        if (EntryCodec.hasBlockPatches(entry.bytes()) || answer.length() > MAX_COMPRESSION * entry.length()) {
            return;
        }
        if (ring.shouldAdmit(key.hash())) {
            ring.append(
                    key.hash(),
                    key.bytes(),
                    0,
                    CacheKey.LENGTH,
                    entry.bytes(),
                    EntryCodec.beforeBody(entry.bytes()),
                    answer.array(),
                    answer.length(),
                    scratch.cursor);
        }
    }

    /** Wipes the copy of an entry. */
    void remove(KeyBuffer key, Scratch scratch) {
        ring.remove(key.hash(), key.bytes(), 0, CacheKey.LENGTH, scratch.cursor);
    }

    /**
     * Wipes all copies whose entries were removed or replaced, by any process. They would never be served again, but
     * their bytes would stay in memory.
     */
    void wipeGone() {
        Check check = new Check();
        ring.wipe((block, keyAt, keyLength, valueAt, valueLength) -> {
            block.get(keyAt, check.key);
            block.get(valueAt, check.copied);
            check.isSame = false;
            store.head(check.key, check.head, check);
            return !check.isSame;
        });
    }

    /** Compares the head of a copy with that of the stored entry, without counting as a read of the entry. */
    private static final class Check implements BooleanSupplier {
        private final byte[] key = new byte[CacheKey.LENGTH];
        private final byte[] copied = new byte[EntryHead.LENGTH];
        private final byte[] head = new byte[EntryHead.LENGTH];
        private boolean isSame;

        @Override
        public boolean getAsBoolean() {
            isSame = isSameEntry(copied, head);
            return false;
        }
    }

    /** Wipes all copies and gives their memory back. */
    void close() {
        ring.close();
    }

    /** Compares the checksums, the times and all other fields that the store and sealing leave as they are. */
    private static boolean isSameEntry(byte[] head, byte[] other) {
        return (int) INT.get(head, 0) == (int) INT.get(other, 0)
                && isSame(head, other, EntryHead.STORED_AT)
                && isSame(head, other, EntryHead.EXPIRES_AT)
                && (int) INT.get(head, EntryHead.TOKENS) == (int) INT.get(other, EntryHead.TOKENS)
                // The lengths behind this field are not compared, since the head of a sealed entry does not have them.
                && (int) INT.get(head, EntryHead.FETCH_MILLIS) == (int) INT.get(other, EntryHead.FETCH_MILLIS)
                && isSame(head, other, EntryHead.SCOPE)
                && isSame(head, other, EntryHead.MODEL);
    }

    private static boolean isSame(byte[] head, byte[] other, int at) {
        return (long) LONG.get(head, at) == (long) LONG.get(other, at);
    }
}
