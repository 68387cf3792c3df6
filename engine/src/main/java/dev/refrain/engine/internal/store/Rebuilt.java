package dev.refrain.engine.internal.store;

import dev.refrain.engine.internal.EntryChecksum;
import dev.refrain.engine.spi.EntryHead;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.BitSet;
import java.util.HashSet;
import java.util.Set;
import java.util.zip.CRC32C;

/**
 * The lookup table, counters and free list that a segment should have for its whole values. A whole value meets
 * four conditions: its place and length are possible, a lookup of its key leads to it, it overlaps no other value,
 * and its checksum, if any, is right. Of values that overlap, the one with the right checksum is whole, so that no
 * value is lost to a damaged neighbour. The parts of large entries have no checksum of their own; the reader of the
 * entry verifies them.
 */
final class Rebuilt {
    private final ByteBuffer table;
    private final int length;
    private final int freeListAt;
    private final int mask;
    private final BitSet taken = new BitSet(Layout.CHUNKS_PER_SEGMENT);
    private final Set<ByteBuffer> keys = new HashSet<>();
    private final int lowestFree;
    private int values;
    private int parts;
    private int dropped;
    /** Whether a lookup in the old table finds each value. */
    private boolean isReachable = true;

    private final RawMap.Segment segment;
    private final CRC32C crc = new CRC32C();

    Rebuilt(RawMap.Segment segment) {
        this.segment = segment;
        this.length = segment.directory().limit();
        this.freeListAt = segment.freeListAt();
        this.table = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        this.mask = segment.slots() - 1;
        this.lowestFree = segment.header().getInt(SegmentState.LOWEST_FREE);
        takeAll();
    }

    /** The number of slots that name no whole value. */
    int dropped() {
        return dropped;
    }

    /** Whether the segment needs no repair and its lock is free. */
    boolean isAsItWas() {
        return dropped == 0 && header().equals(segment.header()) && directory().equals(segment.directory());
    }

    /** Keeps the values with a right checksum first, then those without a checksum. */
    private void takeAll() {
        BitSet pieces = new BitSet(segment.slots());
        for (int slot = 0; slot < segment.slots(); slot++) {
            RawMap.Value value = value(slot);
            if (value != null && Kind.isMark(value.content()[Kind.OFFSET])) {
                pieces.set(slot);
            } else if (value == null || !isIntact(value) || !takes(slot, value)) {
                dropped += segment.chunk(slot) < 0 ? 0 : 1;
            }
        }
        for (int slot = pieces.nextSetBit(0); slot >= 0; slot = pieces.nextSetBit(slot + 1)) {
            dropped += takes(slot, value(slot)) ? 0 : 1;
        }
    }

    /** The value that a slot names, or null if it is impossible. */
    private RawMap.Value value(int slot) {
        int chunk = segment.chunk(slot);
        RawMap.Value value = chunk < 0 ? null : segment.value(chunk);
        boolean canBe =
                value != null && value.content().length >= EntryHead.LENGTH && segment.isFoundBy(value.key(), slot);
        return canBe ? value : null;
    }

    private boolean isIntact(RawMap.Value value) {
        return EntryChecksum.matches(value.key(), value.content(), value.content().length, crc);
    }

    /** Keeps a value, unless another one has its room or its key. */
    private boolean takes(int slot, RawMap.Value value) {
        int chunk = segment.chunk(slot);
        int next = taken.nextSetBit(chunk);
        if (values >= RawMap.MAX_VALUES
                || (next >= 0 && next < chunk + value.chunks())
                || !keys.add(ByteBuffer.wrap(value.key()))) {
            return false;
        }
        taken.set(chunk, chunk + value.chunks());
        isReachable &= isReachable(slot);
        insert(segment.slot(slot));
        values++;
        parts += Kind.isEntry(value.content()[Kind.OFFSET]) ? 0 : 1;
        return true;
    }

    private boolean isReachable(int slot) {
        for (int at = segment.slot(slot) & mask; at != slot; at = (at + 1) & mask) {
            if (segment.slot(at) == 0) {
                return false;
            }
        }
        return true;
    }

    private void insert(int content) {
        int at = content & mask;
        while (table.getInt(at * Integer.BYTES) != 0) {
            at = (at + 1) & mask;
        }
        table.putInt(at * Integer.BYTES, content);
    }

    /**
     * The part of the segment before its chunks: lookup table, counters and free list. The old lookup table stays if
     * all of its slots are right.
     */
    ByteBuffer directory() {
        ByteBuffer directory = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        boolean isTableRight = isReachable && values == segment.slotsTaken();
        directory.put(0, isTableRight ? segment.directory() : table, 0, segment.slots() * Integer.BYTES);
        directory.put(freeListAt, taken.toByteArray());
        return directory;
    }

    /** The segment's header, with a free lock. */
    ByteBuffer header() {
        ByteBuffer header = ByteBuffer.allocate(segment.header().limit()).order(ByteOrder.LITTLE_ENDIAN);
        // Where a search for free chunks begins. Too low a value is harmless, so a valid old one stays.
        int firstFree = taken.nextClearBit(0);
        header.putInt(SegmentState.ENTRIES, values)
                .putInt(SegmentState.LOWEST_FREE, lowestFree >= 0 && lowestFree <= firstFree ? lowestFree : firstFree)
                .putInt(SegmentState.PARTS, parts);
        return header;
    }
}
