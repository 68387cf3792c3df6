package dev.refrain.engine;

import dev.refrain.engine.internal.hot.RecordRing;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Answers that are asked for often, decompressed already. A copy is served only while the store holds the very entry that it was made
 * from, which the entry's head tells: so whatever happens to the entry, in this process or in another one, happens to the copy at the
 * same time, and nobody has to be told.
 *
 * <p>A record's key is the entry's, its value the entry with the body as it is. Thread-safe.
 */
final class HotAnswers {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private final CacheStore store;
    private final RecordRing ring;

    HotAnswers(CacheStore store, long capacityBytes) {
        this.store = store;
        this.ring = new RecordRing(capacityBytes);
    }

    /** One thread's working memory. */
    static final class Scratch {
        private final RecordRing.Cursor cursor = new RecordRing.Cursor();
        private final byte[] key = new byte[CacheKey.LENGTH];
        private final byte[] head = new byte[EntryHead.LENGTH];

        RecordRing.Cursor cursor() {
            return cursor;
        }
    }

    /**
     * Looks for a copy of the entry that the store holds now.
     *
     * @param head receives its head if there is one
     */
    boolean find(CacheKey key, EntryBuffer head, Scratch scratch) {
        RecordRing.Cursor copy = scratch.cursor;
        key.copyTo(scratch.key, 0);
        if (!ring.find(key.hash(), scratch.key, 0, CacheKey.LENGTH, copy)
                || !store.head(key, scratch.head)
                || !copy.copy(0, head.resize(EntryHead.LENGTH), 0, EntryHead.LENGTH)) {
            return false;
        }
        if (!isSameEntry(head.bytes(), scratch.head)) {
            ring.drop(copy);
            return false;
        }
        return true;
    }

    /** What was found has been served. */
    void served(CacheKey key) {
        ring.hit(key.hash());
    }

    /** An entry was read from the store; if that happens often, it is copied. */
    void offer(CacheKey key, EntryBuffer entry, CachedResponse answer, Scratch scratch) {
        if (ring.missed(key.hash())) {
            key.copyTo(scratch.key, 0);
            ring.append(
                    key.hash(),
                    scratch.key,
                    0,
                    CacheKey.LENGTH,
                    entry.bytes(),
                    EntryCodec.beforeBody(entry.bytes()),
                    answer.array(),
                    answer.length(),
                    scratch.cursor);
        }
    }

    /** The checksum, the times and what else stands in a head, but for what {@link CacheStore#head} leaves out. */
    private static boolean isSameEntry(byte[] head, byte[] other) {
        return (int) INT.get(head, 0) == (int) INT.get(other, 0)
                && isSame(head, other, EntryHead.STORED_AT)
                && isSame(head, other, EntryHead.EXPIRES_AT)
                && (int) INT.get(head, EntryHead.TOKENS) == (int) INT.get(other, EntryHead.TOKENS)
                && isSame(head, other, EntryHead.FETCH_MILLIS)
                && isSame(head, other, EntryHead.SCOPE)
                && isSame(head, other, EntryHead.MODEL);
    }

    private static boolean isSame(byte[] head, byte[] other, int at) {
        return (long) LONG.get(head, at) == (long) LONG.get(other, at);
    }
}
