package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryHead;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import net.openhft.chronicle.algo.hashing.LongHashFunction;
import net.openhft.chronicle.core.Memory;
import net.openhft.chronicle.core.OS;
import net.openhft.chronicle.hash.impl.CompactOffHeapLinearHashTable;
import net.openhft.chronicle.hash.impl.VanillaChronicleHash;
import net.openhft.chronicle.map.VanillaChronicleMap;

/**
 * The headers, lookup tables and free lists of the mapped file, read and written in place, as docs/STORAGE-FORMAT.md
 * describes them.
 *
 * <p>Chronicle Map trusts the file. It walks a lookup table until it comes to a free slot, for ever if there is none.
 * It follows links to further tiers of a segment, wherever they lead. It reads and frees as many bytes as a value's
 * length says. A file can be damaged at any time, even while it is open, and then the process would hang or die. So
 * before Chronicle Map does anything with a key, {@link #isSafe} makes the same walk with each step bounded. The walk
 * ends at the first free slot, so in a sound segment it costs next to nothing. A segment that fails the check is
 * repaired ({@link #repair}).
 *
 * <p>Reading needs no lock, but a read without the lock may see half of a change. Writing needs the segment's
 * write lock.
 */
final class SegmentState {
    /** Offset of the number of values in a segment's header, directly behind the lock. */
    static final int ENTRIES = 8;

    static final int LOWEST_FREE = 12;
    static final int NEXT_TIER = 16;
    static final int DELETED = 24;
    /** Offset of a field that Chronicle Map does not use: the number of parts of large entries in the segment. */
    static final int PARTS = 28;

    /** The shortest length of a segment's header. */
    static final int HEADER_LENGTH = 32;

    private static final Memory MEMORY = OS.memory();
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

    private final VanillaChronicleMap<?, ?, ?> map;
    private final CompactOffHeapLinearHashTable table;
    private final int segments;
    private final int slots;
    private final long freeListOffset;
    private final long entrySpaceOffset;

    SegmentState(VanillaChronicleMap<?, ?, ?> map) {
        this.map = map;
        this.segments = map.segments();
        this.table = map.hashLookup;
        this.slots = (int) map.tierHashLookupCapacity;
        this.freeListOffset = map.tierHashLookupOuterSize + VanillaChronicleHash.TIER_COUNTERS_AREA_SIZE;
        this.entrySpaceOffset = freeListOffset + map.tierFreeListOuterSize + map.tierEntrySpaceInnerOffset;
    }

    /** The number of values in a segment, parts of large entries included. */
    int values(int segment) {
        return clamped(MEMORY.readVolatileInt(header(segment) + ENTRIES));
    }

    /** The number of parts of large entries in a segment. */
    int parts(int segment) {
        return Math.min(values(segment), clamped(MEMORY.readVolatileInt(header(segment) + PARTS)));
    }

    private int clamped(int number) {
        return Math.max(0, Math.min(number, slots));
    }

    /** Adds to the number of parts; a negative number subtracts. */
    void addParts(int segment, int more) {
        long at = header(segment) + PARTS;
        MEMORY.writeOrderedInt(at, clamped(MEMORY.readInt(at) + more));
    }

    /** The number of chunks of a segment that are taken. */
    int chunksTaken(int segment) {
        long at = map.segmentBaseAddr(segment) + freeListOffset;
        int taken = 0;
        for (int i = 0; i < Layout.CHUNKS_PER_SEGMENT / 8; i += Long.BYTES) {
            taken += Long.bitCount(MEMORY.readLong(at + i));
        }
        return Math.min(taken, Layout.CHUNKS_PER_SEGMENT);
    }

    int segmentOf(byte[] key) {
        return map.hashSplitting.segmentIndex(LongHashFunction.xx_r39().hashBytes(key));
    }

    /**
     * Whether Chronicle Map may look for a key: the walk ends, stays in the segment, and finds a value that ends in the
     * segment. Under the segment's lock the answer is certain. Without it, false may only mean that a writer is active.
     */
    boolean isSafe(byte[] key) {
        long hash = LongHashFunction.xx_r39().hashBytes(key);
        int index = map.hashSplitting.segmentIndex(hash);
        if (MEMORY.readLong(header(index) + NEXT_TIER) != 0) {
            return false;
        }
        long segment = map.segmentBaseAddr(index);
        long sought = table.maskUnsetKey(map.hashSplitting.segmentHash(hash));
        long at = table.hlPos(sought);
        for (int looked = 0; looked < slots; looked++) {
            long slot = table.readEntryVolatile(segment, at);
            if (table.empty(slot)) {
                return true;
            }
            if (table.key(slot) == sought) {
                int chunk = (int) table.value(slot);
                if (chunk >= Layout.CHUNKS_PER_SEGMENT) {
                    return false;
                }
                long value = segment + entrySpaceOffset + (long) chunk * Layout.CHUNK_SIZE;
                if (isKey(value, key) && !endsInSegment(value + CacheStore.KEY_LENGTH, chunk)) {
                    return false;
                }
            }
            at = table.step(at);
        }
        return false;
    }

    private static boolean isKey(long at, byte[] key) {
        for (int i = 0; i < CacheStore.KEY_LENGTH; i += Long.BYTES) {
            if (MEMORY.readLong(at + i) != (long) LONG.get(key, i)) {
                return false;
            }
        }
        return true;
    }

    /** Whether a value ends within its segment. */
    private static boolean endsInSegment(long at, int chunk) {
        int length = 0;
        for (int i = 0; i < 3; i++) {
            byte next = MEMORY.readByte(at + i);
            length |= (next & 0x7F) << (7 * i);
            if (next >= 0) {
                int bytes = CacheStore.KEY_LENGTH + i + 1 + length;
                return length >= EntryHead.LENGTH
                        && length <= Layout.MAX_VALUE_LENGTH
                        && chunk + (bytes + Layout.CHUNK_SIZE - 1) / Layout.CHUNK_SIZE <= Layout.CHUNKS_PER_SEGMENT;
            }
        }
        return false;
    }

    /**
     * Whether a walk through a segment ends: its lookup table has a free slot, and there is no link to a further tier.
     */
    boolean isWalkable(int segment) {
        if (MEMORY.readLong(header(segment) + NEXT_TIER) != 0) {
            return false;
        }
        long base = map.segmentBaseAddr(segment);
        for (int slot = 0; slot < slots; slot++) {
            if (MEMORY.readInt(base + (long) slot * Integer.BYTES) == 0) {
                return true;
            }
        }
        return false;
    }

    /** Repairs a segment in place ({@link Rebuilt}). Needs its write lock. Takes a few milliseconds. */
    void repair(int segment) {
        byte[] header = new byte[HEADER_LENGTH];
        byte[] bytes = new byte[RawMap.Segment.LENGTH];
        MEMORY.readBytes(header(segment), header, 0, HEADER_LENGTH);
        MEMORY.readBytes(map.segmentBaseAddr(segment), bytes, 0, bytes.length);
        Rebuilt rebuilt = new Rebuilt(new RawMap.Segment(segment, segments, littleEndian(header), littleEndian(bytes)));
        // The slots are written first, because readers without a lock use them. The lock in the header is not written.
        byte[] directory = rebuilt.directory().array();
        MEMORY.writeBytes(map.segmentBaseAddr(segment), directory, 0, directory.length);
        MEMORY.writeBytes(header(segment) + ENTRIES, rebuilt.header().array(), ENTRIES, HEADER_LENGTH - ENTRIES);
    }

    private static ByteBuffer littleEndian(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Whether the free list marks all of the given chunks as taken, as it must for a value. */
    boolean areTaken(int segment, long chunk, int count) {
        long list = map.segmentBaseAddr(segment) + freeListOffset;
        for (long i = chunk; i < chunk + count; i++) {
            if ((MEMORY.readByte(list + i / Byte.SIZE) >> (i % Byte.SIZE) & 1) == 0) {
                return false;
            }
        }
        return true;
    }

    int segments() {
        return segments;
    }

    private long header(int segment) {
        return map.segmentHeaderAddress(segment);
    }
}
