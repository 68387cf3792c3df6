package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.EntryHead;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.BitSet;
import java.util.HashSet;
import java.util.Set;

/**
 * Puts the segments of a map right that was not closed cleanly or is damaged: frees locks and room left behind, and drops values that
 * are half written or cannot be found. What a value holds is for its reader to judge. Reads and writes the file without mapping it and without Chronicle Map, whose own
 * recovery believes what it reads. A segment in which nothing is wrong is not written to. Nobody may have the file open.
 */
final class Repair {
    private final RawMap map;
    private final FileChannel channel;
    private int corrections;

    private Repair(RawMap map, FileChannel channel) {
        this.map = map;
        this.channel = channel;
    }

    /**
     * Looks at all segments, or at those alone whose header shows that something is wrong, such as a lock that is held.
     *
     * @return how many things were put right
     */
    static int run(Path file, boolean onlySuspects) throws IOException {
        try (RawMap map = RawMap.open(file);
                FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            Repair repair = new Repair(map, channel);
            for (int segment = 0; segment < map.segments(); segment++) {
                if (!onlySuspects || map.isSuspect(segment)) {
                    repair.look(map.segment(segment));
                }
            }
            return repair.corrections;
        }
    }

    private void look(RawMap.Segment segment) throws IOException {
        Rebuilt rebuilt = new Rebuilt(segment);
        int before = corrections;
        for (int slot = 0; slot < segment.slots(); slot++) {
            int chunk = segment.chunk(slot);
            if (chunk >= 0 && !rebuilt.takes(segment, slot, chunk)) {
                corrections++;
            }
        }
        ByteBuffer header = rebuilt.header();
        ByteBuffer directory = rebuilt.directory();
        boolean isHeaderRight = header.equals(segment.header());
        boolean isDirectoryRight = directory.equals(segment.directory());
        if (isHeaderRight && isDirectoryRight) {
            return;
        }
        if (corrections == before) {
            corrections++;
        }
        write(directory, map.segmentAt(segment.index));
        // The lock that is freed is in it.
        write(header, map.headerAt(segment.index));
    }

    private void write(ByteBuffer bytes, long at) throws IOException {
        for (long to = at; bytes.hasRemaining(); ) {
            to += channel.write(bytes, to);
        }
    }

    /** What a segment should say of the values that are whole. */
    private static final class Rebuilt {
        private final ByteBuffer table;
        private final int length;
        private final int freeListAt;
        private final int mask;
        private final BitSet taken = new BitSet(Layout.CHUNKS_PER_SEGMENT);
        private final Set<ByteBuffer> keys = new HashSet<>();
        private final int lowestFree;
        private int values;
        private int parts;
        /** Whether each value stands where a walk for its key comes to. */
        private boolean isReachable = true;

        private final RawMap.Segment segment;

        Rebuilt(RawMap.Segment segment) {
            this.segment = segment;
            this.length = segment.directory().limit();
            this.freeListAt = segment.freeListAt();
            this.table = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
            this.mask = segment.slots() - 1;
            this.lowestFree = segment.header().getInt(SegmentState.LOWEST_FREE);
        }

        /** Takes a value over, if it is whole. */
        boolean takes(RawMap.Segment from, int slot, int chunk) {
            RawMap.Value value = from.value(chunk);
            if (value == null
                    || values >= RawMap.MAX_VALUES
                    || value.content().length < EntryHead.LENGTH
                    || !from.isFoundBy(value.key(), slot)) {
                return false;
            }
            int next = taken.nextSetBit(chunk);
            if ((next >= 0 && next < chunk + value.chunks()) || !keys.add(ByteBuffer.wrap(value.key()))) {
                return false;
            }
            taken.set(chunk, chunk + value.chunks());
            isReachable &= isReachable(from, slot);
            insert(from.slot(slot));
            values++;
            parts += Kind.isEntry(value.content()[Kind.OFFSET]) ? 0 : 1;
            return true;
        }

        private boolean isReachable(RawMap.Segment from, int slot) {
            for (int at = from.slot(slot) & mask; at != slot; at = (at + 1) & mask) {
                if (from.slot(at) == 0) {
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

        /** Lookup table, counters and free list. Slots stay where they are if all of them are right. */
        ByteBuffer directory() {
            ByteBuffer directory = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
            boolean isTableRight = isReachable && values == segment.slotsTaken();
            directory.put(0, isTableRight ? segment.directory() : table, 0, segment.slots() * Integer.BYTES);
            directory.put(freeListAt, taken.toByteArray());
            return directory;
        }

        ByteBuffer header() {
            ByteBuffer header = ByteBuffer.allocate(segment.header().limit()).order(ByteOrder.LITTLE_ENDIAN);
            // A place where to begin to look, which may be too low.
            int firstFree = taken.nextClearBit(0);
            header.putInt(SegmentState.ENTRIES, values)
                    .putInt(
                            SegmentState.LOWEST_FREE,
                            lowestFree >= 0 && lowestFree <= firstFree ? lowestFree : firstFree)
                    .putInt(SegmentState.PARTS, parts);
            return header;
        }
    }
}
