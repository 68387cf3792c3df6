package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.util.List;
import java.util.function.Predicate;
import net.openhft.chronicle.hash.Data;

/**
 * A walk through a segment. It takes no lock, so nobody waits for it, even if values have to be read from the disk.
 * What matches is therefore checked again under the lock before it is removed. The walk misses no value that is
 * there all the time: a removal may move other values down in the lookup table, but never up, and never past a slot
 * that was free when they were put. So the walk goes down, from a free slot round to the same slot. Not thread-safe.
 */
final class SegmentWalk {
    private static final int VALUES_PER_LOOK = 64;

    /** On heads; on keys if the walk collects keys. */
    private final Predicate<byte[]> condition;

    private final List<byte[]> keysFound;
    private final byte[] headBytes = new byte[EntryHead.LENGTH];
    private final byte[] key = new byte[CacheStore.KEY_LENGTH];
    private final int[] chunks = new int[VALUES_PER_LOOK];
    private final byte[] keys = new byte[VALUES_PER_LOOK * CacheStore.KEY_LENGTH];
    private int found;
    /** The free slot at which the walk began; -1 before it begins. */
    private int top = -1;
    /** Slots walked since then. */
    private int gone;

    private boolean isDone;

    /** Shown what there is; null for a walk that looks for something. */
    private final CacheStore.EntryVisitor visitor;

    private boolean isEnded;

    /** @param keysFound where to put the keys that match, or null to remove what has a matching head */
    SegmentWalk(Predicate<byte[]> condition, List<byte[]> keysFound) {
        this.condition = condition;
        this.keysFound = keysFound;
        this.visitor = null;
    }

    /** One that finds nothing, and shows all entries until the visitor has seen enough. */
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

    /** How many keys the last look has found. */
    int found() {
        return found;
    }

    /** One of them; valid until the next one is asked for. */
    byte[] key(int number) {
        System.arraycopy(keys, number * CacheStore.KEY_LENGTH, key, 0, CacheStore.KEY_LENGTH);
        return key;
    }

    /** Whether the head of a value matches; needs the segment's lock. */
    boolean matches(Data<EntryBuffer> value) {
        value.bytes().read(value.offset(), headBytes, 0, EntryHead.LENGTH);
        return condition.test(headBytes);
    }

    /** Looks at the next values. */
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
