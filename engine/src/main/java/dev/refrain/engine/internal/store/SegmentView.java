package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.BitSet;
import net.openhft.chronicle.algo.bitset.ReusableBitSet;
import net.openhft.chronicle.core.Memory;
import net.openhft.chronicle.core.OS;
import net.openhft.chronicle.hash.impl.CompactOffHeapLinearHashTable;
import net.openhft.chronicle.map.MapSegmentContext;
import net.openhft.chronicle.map.VanillaChronicleMap;
import net.openhft.chronicle.map.impl.CompiledMapIterationContext;

/**
 * Reads the bytes of one segment in place, as docs/STORAGE-FORMAT.md describes them. Chronicle Map's own iteration
 * begins at the same entry each time and touches every entry; this view touches only the entries that are asked for.
 * The bytes come from a file, so {@link #isSound} says whether a value has a possible place and length.
 *
 * <p>Results are exact while the segment's update lock is held. Without the lock, values may be half written or
 * removed, so results are guesses. Bytes outside the segment are never read.
 */
final class SegmentView {
    private static final Memory MEMORY = OS.memory();
    private static final int SLOT = 4;
    private static final int CACHE_LINE = 64;
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

    private final CompactOffHeapLinearHashTable table;
    private final long tableAddress;
    private final int tableLength;
    private final long entriesAddress;
    private final ReusableBitSet taken;
    /** The value that was last read: its chunk, its length, the number of its chunks and its address. */
    private int current = -1;

    private int length;
    private int chunks;
    private long value;

    /** A sink for loads, so that the JIT does not remove them. */
    @SuppressWarnings("unused")
    private long fetched;

    SegmentView(VanillaChronicleMap<?, ?, ?> map, MapSegmentContext<byte[], EntryBuffer, ?> segment) {
        CompiledMapIterationContext<?, ?, ?> context = (CompiledMapIterationContext<?, ?, ?>) segment;
        context.goToFirstTier();
        table = map.hashLookup;
        tableAddress = context.tierBaseAddr();
        tableLength = (int) map.tierHashLookupCapacity;
        entriesAddress = tableAddress + context.entrySpaceOffset();
        taken = context.freeList();
    }

    /** The number of slots of the lookup table. */
    int slots() {
        return tableLength;
    }

    /** Sets a bit for each chunk that the lookup table names. Returns the number of slots that name one. */
    int listStarts(BitSet into) {
        into.clear();
        int found = 0;
        for (int slot = 0; slot < tableLength; slot += 2) {
            // Most slots are free, so two are tested at a time.
            if (MEMORY.readLong(tableAddress + (long) slot * SLOT) != 0) {
                found += listStart(slot, into) + listStart(slot + 1, into);
            }
        }
        return found;
    }

    private int listStart(int slot, BitSet into) {
        int chunk = chunkAt(slot);
        if (chunk < 0) {
            return 0;
        }
        into.set(chunk);
        return 1;
    }

    /**
     * The chunk that a slot of the lookup table names, or -1. Reads only the table, so the value may be
     * unsound ({@link #isSound}).
     */
    int chunkAt(int slot) {
        long entry = table.readEntryVolatile(tableAddress, (long) slot * SLOT);
        int chunk = (int) table.value(entry);
        return table.empty(entry) || chunk >= Layout.CHUNKS_PER_SEGMENT ? -1 : chunk;
    }

    /** Whether a slot of the lookup table is free. Unless the file is damaged, there is always a free one. */
    boolean isFree(int slot) {
        return table.empty(table.readEntryVolatile(tableAddress, (long) slot * SLOT));
    }

    /**
     * Prefetches the keys and heads of values that will be read one by one. Values are far apart in memory, so each
     * read would wait 150 ns. These loads do not depend on each other, so the processor overlaps a dozen of them.
     */
    void fetch(int[] chunks, int count) {
        long any = 0;
        for (int i = 0; i < count; i++) {
            long address = address(chunks[i]);
            any ^= MEMORY.readLong(address) ^ MEMORY.readLong(address + CACHE_LINE);
        }
        fetched = any;
    }

    /** Whether the value at a chunk has a possible length and ends within the segment. */
    boolean isSound(int chunk) {
        int length = length(chunk);
        return length >= EntryHead.LENGTH
                && length <= Layout.MAX_VALUE_LENGTH
                && chunk + chunks(chunk) <= Layout.CHUNKS_PER_SEGMENT;
    }

    /** The first chunk, from the given one on, that is not free. */
    int endOfFree(int chunk) {
        long next = taken.nextSetBit(chunk);
        return next < 0 ? Layout.CHUNKS_PER_SEGMENT : (int) Math.min(next, Layout.CHUNKS_PER_SEGMENT);
    }

    /** The first of the free chunks directly in front of a chunk, or the chunk itself. */
    int beginOfFree(int chunk) {
        return chunk == 0 ? 0 : (int) taken.previousSetBit(chunk - 1L) + 1;
    }

    boolean isTaken(int chunk) {
        return taken.isSet(chunk);
    }

    private long address(int chunk) {
        return entriesAddress + (long) chunk * Layout.CHUNK_SIZE;
    }

    /** Decodes the length in front of a value, once for all reads of the value. */
    private void goTo(int chunk) {
        if (chunk == current) {
            return;
        }
        long at = address(chunk) + CacheStore.KEY_LENGTH;
        int first = MEMORY.readByte(at);
        int bytes = 1;
        length = first;
        if (first < 0) {
            int second = MEMORY.readByte(at + 1);
            bytes = 2;
            length = (first & 0x7F) | ((second & 0x7F) << 7);
            if (second < 0) {
                bytes = 3;
                length |= (MEMORY.readByte(at + 2) & 0xFF) << 14;
            }
        }
        value = at + bytes;
        chunks = (CacheStore.KEY_LENGTH + bytes + length + Layout.CHUNK_SIZE - 1) / Layout.CHUNK_SIZE;
        current = chunk;
    }

    /** The length of a value. */
    int length(int chunk) {
        goTo(chunk);
        return length;
    }

    /** The chunks that a value takes. */
    int chunks(int chunk) {
        goTo(chunk);
        return chunks;
    }

    private long value(int chunk) {
        goTo(chunk);
        return value;
    }

    byte kind(int chunk) {
        return MEMORY.readByte(value(chunk) + Kind.OFFSET);
    }

    long expiresAt(int chunk) {
        return MEMORY.readLong(value(chunk) + EntryHead.EXPIRES_AT);
    }

    long storedAt(int chunk) {
        return MEMORY.readLong(value(chunk) + EntryHead.STORED_AT);
    }

    /** See {@link EvictionFacts#owner}. */
    long owner(int chunk) {
        return Kind.isMark(kind(chunk))
                ? MEMORY.readLong(value(chunk) + EvictionFacts.OWNER)
                : MEMORY.readLong(address(chunk) + EvictionFacts.KEY_HASH);
    }

    /** The length of the entry that a value belongs to. */
    int total(int chunk) {
        return Kind.isMark(kind(chunk)) ? MEMORY.readInt(value(chunk) + EvictionFacts.TOTAL) : length(chunk);
    }

    /** See {@link EvictionFacts#cost}. */
    int cost(int chunk) {
        long at = value(chunk);
        return EvictionFacts.cost(
                MEMORY.readInt(at + EntryHead.TOKENS), MEMORY.readInt(at + EntryHead.FETCH_MILLIS), total(chunk));
    }

    void copyHead(int chunk, byte[] into) {
        long at = value(chunk);
        for (int i = 0; i < EntryHead.LENGTH; i += Long.BYTES) {
            LONG.set(into, i, MEMORY.readLong(at + i));
        }
    }

    void copyValue(int chunk, EntryBuffer into) {
        int bytes = length(chunk);
        MEMORY.readBytes(value(chunk), into.resize(bytes), 0, bytes);
    }

    void copyKey(int chunk, byte[] into, int offset) {
        long at = address(chunk);
        for (int i = 0; i < CacheStore.KEY_LENGTH; i += Long.BYTES) {
            LONG.set(into, offset + i, MEMORY.readLong(at + i));
        }
    }
}
