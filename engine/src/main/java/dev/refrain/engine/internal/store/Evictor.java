package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.util.Arrays;
import net.openhft.chronicle.bytes.RandomDataInput;
import net.openhft.chronicle.hash.Data;
import net.openhft.chronicle.map.MapEntry;
import net.openhft.chronicle.map.MapSegmentContext;

/**
 * Chooses what has to go when a segment is full: what has expired, then what was stored longest ago. The whole eviction policy
 * stands here.
 *
 * <p>A round frees a share of the segment at once, because finding the oldest entries means looking at all of them. Each pass holds
 * the segment's update lock: readers go on, writers of the segment wait some 50 us.
 */
final class Evictor {
    /**
     * What the rounds for one put free, as shares of the segment's chunks. They grow because room must be contiguous and what is
     * oldest need not lie side by side; the last share empties the segment. It is there twice in case another writer was faster.
     */
    private static final double[] SHARES = {1 / 8.0, 1 / 8.0, 1 / 4.0, 1 / 2.0, 1, 1};

    private static final int CHUNK_BITS = 16;
    private static final int CHUNK_MASK = (1 << CHUNK_BITS) - 1;
    private static final long MAX_MILLIS = Long.MAX_VALUE >> CHUNK_BITS;

    private final Tally tally;

    Evictor(Tally tally) {
        this.tally = tally;
    }

    /** How many rounds there are for one put. */
    static int rounds() {
        return SHARES.length;
    }

    /** Frees room in a segment, more of it the higher the round. */
    void evict(MapSegmentContext<byte[], EntryBuffer, ?> segment, int round, long nowMillis) {
        Census census = new Census((int) segment.size(), nowMillis);
        segment.forEachSegmentEntry(census::visit);
        long missing = (long) (SHARES[round] * Layout.CHUNKS_PER_SEGMENT) - census.freed;
        if (missing <= 0) {
            return;
        }
        // Age above, size below: sorting by age keeps the sizes at hand.
        Arrays.sort(census.aged, 0, census.count);
        long freed = 0;
        int last = 0;
        while (last < census.count && freed < missing) {
            freed += census.aged[last++] & CHUNK_MASK;
        }
        if (last == 0) {
            return;
        }
        long youngest = census.aged[last - 1] >>> CHUNK_BITS;
        long[] left = {freed};
        segment.forEachSegmentEntryWhile(entry -> {
            Data<EntryBuffer> value = entry.value();
            RandomDataInput bytes = value.bytes();
            if (millis(bytes.readLong(value.offset() + EntryHead.STORED_AT)) <= youngest) {
                byte kind = bytes.readByte(value.offset() + Kind.OFFSET);
                left[0] -= Layout.chunks(value.size());
                entry.doRemove();
                tally.evicted(kind);
            }
            return left[0] > 0;
        });
    }

    private static long millis(long storedAt) {
        return Math.max(0, Math.min(storedAt, MAX_MILLIS));
    }

    /** Removes what has expired and lists the rest. */
    private final class Census {
        private final long nowMillis;
        private long[] aged;
        private int count;
        private long freed;

        Census(int expected, long nowMillis) {
            this.aged = new long[Math.max(expected, 16)];
            this.nowMillis = nowMillis;
        }

        void visit(MapEntry<byte[], EntryBuffer> entry) {
            Data<EntryBuffer> value = entry.value();
            RandomDataInput bytes = value.bytes();
            long at = value.offset();
            int chunks = Layout.chunks(value.size());
            if (bytes.readLong(at + EntryHead.EXPIRES_AT) <= nowMillis) {
                byte kind = bytes.readByte(at + Kind.OFFSET);
                entry.doRemove();
                tally.evicted(kind);
                freed += chunks;
                return;
            }
            if (count == aged.length) {
                aged = Arrays.copyOf(aged, count * 2);
            }
            aged[count++] = millis(bytes.readLong(at + EntryHead.STORED_AT)) << CHUNK_BITS | (chunks & CHUNK_MASK);
        }
    }
}
