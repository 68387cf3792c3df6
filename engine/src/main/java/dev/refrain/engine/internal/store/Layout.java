package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import net.openhft.chronicle.hash.serialization.impl.ByteArraySizedReader;
import net.openhft.chronicle.map.ChronicleMapBuilder;

/**
 * The geometry of the map: how a byte budget becomes segments and chunks. All sizes are fixed here, so that the size of
 * the file follows from the budget alone and not from an estimate of the size of entries.
 *
 * <p>A segment takes just under 1 MiB of the file, whatever the budget. A scan of its few hundred entries of a few KB
 * holds its lock for some 50 us, and an eviction touches little memory. In larger segments, scans would hold the lock
 * longer. In smaller ones, there would be too little room for a part of a large entry.
 */
final class Layout {
    /** Below this, an entry of a few MB cannot be spread over enough segments. */
    static final long MIN_CAPACITY = 16L << 20;
    /** On average an entry wastes half a chunk: 2.5 % at 2.6 KB. */
    static final int CHUNK_SIZE = 128;
    /**
     * Entries longer than this are split. A run of free chunks for one value must be found in a well filled segment.
     */
    static final int MAX_VALUE_LENGTH = 32 << 10;

    private static final int SEGMENT_SIZE = 1 << 20;
    /**
     * With this number Chronicle Map makes a lookup table of 8,192 slots of 4 bytes, which is full at 6,553 entries.
     * That is enough for entries of 160 bytes, and takes 3 % of the segment.
     */
    private static final int ENTRIES_PER_SEGMENT = 4_096;
    /**
     * The rest of a segment beside the lookup table (32 KiB), the free list (1 KiB, a bit for each chunk)
     * and the counters.
     */
    static final int CHUNKS_PER_SEGMENT = 7_920;

    /** Chronicle Map stores the length of a value in at most this many bytes, for the lengths that occur here. */
    private static final int LENGTH_BYTES = 3;

    private Layout() {}

    static int segments(long capacityBytes) {
        return (int) Math.min(capacityBytes / SEGMENT_SIZE, 1 << 30);
    }

    /** The budget for a number of segments, rounded down to whole segments. */
    static long capacity(int segments) {
        return (long) segments * SEGMENT_SIZE;
    }

    /** The bytes that entries can take together. */
    static long entrySpace(int segments) {
        return (long) segments * CHUNKS_PER_SEGMENT * CHUNK_SIZE;
    }

    /**
     * The longest entry that a store takes, in bytes. The parts of an entry go to segments at random. Those of an entry
     * longer than a third of the store would overfill some segment and so evict each other.
     */
    static int maxEntryLength(int segments) {
        return (int) Math.min(entrySpace(segments) / 3, Integer.MAX_VALUE / 2);
    }

    /** The chunks that a value of the given length takes with its key. In rare cases one too many, never too few. */
    static int chunks(long valueLength) {
        return (int) ((CacheStore.KEY_LENGTH + LENGTH_BYTES + valueLength + CHUNK_SIZE - 1) / CHUNK_SIZE);
    }

    /** The exact number of chunks that a value of the given length takes with its key. */
    static int exactChunks(int valueLength) {
        int lengthBytes = valueLength < 1 << 7 ? 1 : valueLength < 1 << 14 ? 2 : 3;
        return (CacheStore.KEY_LENGTH + lengthBytes + valueLength + CHUNK_SIZE - 1) / CHUNK_SIZE;
    }

    static ChronicleMapBuilder<byte[], EntryBuffer> builder(int segments) {
        return ChronicleMapBuilder.of(byte[].class, EntryBuffer.class)
                .name("refrain")
                .keyReaderAndDataAccess(ByteArraySizedReader.INSTANCE, new KeyAccess())
                .constantKeySizeBySample(new byte[CacheStore.KEY_LENGTH])
                .valueMarshaller(EntryMarshaller.INSTANCE)
                .actualSegments(segments)
                .entriesPerSegment(ENTRIES_PER_SEGMENT)
                .entries((long) segments * ENTRIES_PER_SEGMENT)
                .actualChunksPerSegmentTier(CHUNKS_PER_SEGMENT)
                .actualChunkSize(CHUNK_SIZE)
                // A tier extends a full segment. The recovery of tiers has lost entries (Chronicle-Map issue 251).
                .allowSegmentTiering(false)
                .maxBloatFactor(1)
                // Otherwise Chronicle Map would allocate the blocks itself. Preallocation does that instead, because it
                // has a fallback for file systems without fallocate.
                .sparseFile(true)
                // Chronicle Map does not verify its checksums on a read. The engine has its own.
                .checksumEntries(false)
                .putReturnsNull(true)
                .removeReturnsNull(true)
                // Chronicle Map's hook would unmap the file under threads that are still reading. ChronicleStore
                // has its own.
                .skipCloseOnExitHook(true);
    }
}
