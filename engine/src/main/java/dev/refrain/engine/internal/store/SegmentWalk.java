package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.util.List;
import java.util.function.Predicate;
import net.openhft.chronicle.hash.Data;

/**
 * A walk through a segment. It takes no lock, so no writer waits for it, even if values have to be read from the disk.
 * So a value that matches is checked again under the lock before it is removed. The walk misses no value that stays in
 * the segment: a removal may move other values down in the lookup table, but never up, and never past a slot that was
 * free when they were put. So the walk goes down, from a free slot around to the same slot. Not thread-safe.
 */
final class SegmentWalk {
    private static final int VALUES_PER_LOOK = 64;

    /** Tests heads, or keys if the walk collects keys. */
    private final Predicate<byte[]> condition;

    private final List<byte[]> keysFound;
    private final byte[] headBytes = new byte[EntryHead.LENGTH];
    private final byte[] key = new byte[CacheStore.KEY_LENGTH];
    private final int[] chunks = new int[VALUES_PER_LOOK];
    private final byte[] keys = new byte[VALUES_PER_LOOK * CacheStore.KEY_LENGTH];
    private int found;
    /** The free slot at which the walk began; -1 before it begins. */
    private int top = -1;
    /** Number of slots walked so far. */
    private int gone;

    private boolean isDone;

    /** Receives the entries; null for a walk with a condition. */
    private final CacheStore.EntryVisitor visitor;

    private boolean isEnded;

    /** @param keysFound receives the keys that match; null to find the values whose heads match */
    SegmentWalk(Predicate<byte[]> condition, List<byte[]> keysFound) {
        this.condition = condition;
        this.keysFound = keysFound;
        this.visitor = null;
    }

    /** A walk without a condition, which passes all entries to a visitor until the visitor ends it. */
    SegmentWalk(CacheStore.EntryVisitor visitor) {
        this.condition = null;
        this.keysFound = null;
        this.visitor = visitor;
    }

    /** Whether the visitor has ended the walk. */
    boolean isEnded() {
        return isEnded;
    }

    boolean isDone() {
        return isDone;
    }

    /** Number of keys that the last {@link #look} has found. */
    int found() {
        return found;
    }

    /** One of the keys that the last {@link #look} has found; valid until the next call. */
    byte[] key(int number) {
        System.arraycopy(keys, number * CacheStore.KEY_LENGTH, key, 0, CacheStore.KEY_LENGTH);
        return key;
    }

    /** Whether the head of a value matches; needs the segment's lock. */
    boolean matches(Data<EntryBuffer> value) {
        value.bytes().read(value.offset(), headBytes, 0, EntryHead.LENGTH);
        return condition.test(headBytes);
    }

    /** Reads the next values. */
    void look(SegmentView view) {
        int slots = view.slots();
        if (top < 0) {
            top = 0;
            while (top < slots && !view.isFree(top)) {
                top++;
            }
        }
        int count = 0;
        while (gone < slots && count < VALUES_PER_LOOK) {
            int chunk = view.chunkAt((top - ++gone + slots) % slots);
            if (chunk >= 0) {
                chunks[count++] = chunk;
            }
        }
        view.fetch(chunks, count);
        found = 0;
        for (int i = 0; i < count; i++) {
            int chunk = chunks[i];
            if (!view.isSound(chunk)) {
                continue;
            }
            view.copyHead(chunk, headBytes);
            if (visitor != null) {
                isEnded = isEnded || !show(view, chunk);
            } else if (keysFound != null) {
                collect(view, chunk);
            } else if (condition.test(headBytes)) {
                view.copyKey(chunk, keys, found++ * CacheStore.KEY_LENGTH);
            }
        }
        isDone = isEnded || gone == slots;
    }

    private boolean show(SegmentView view, int chunk) {
        if (!Kind.isEntry(headBytes[Kind.OFFSET])) {
            return true;
        }
        view.copyKey(chunk, key, 0);
        return visitor.visit(key, headBytes, view.total(chunk));
    }

    private void collect(SegmentView view, int chunk) {
        view.copyKey(chunk, key, 0);
        if (Kind.isEntry(headBytes[Kind.OFFSET]) && condition.test(key)) {
            keysFound.add(key.clone());
        }
    }
}
