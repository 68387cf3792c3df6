package dev.refrain.console.activity;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A summary of a batch of records, by which a search for one request skips nearly all batches. Immutable. */
final class Batch {
    private final long first;
    private final int records;
    private final long firstEndMillis;
    private final long lastEndMillis;
    /**
     * The least and greatest time in the ids that this server made. Without such ids the least exceeds the greatest.
     */
    private final long minSeconds;

    private final long maxSeconds;
    /** Hash codes of the ids that this server did not make, ascending. */
    private final int[] otherIds;

    private Batch(
            long first,
            int records,
            long firstEndMillis,
            long lastEndMillis,
            long minSeconds,
            long maxSeconds,
            int[] otherIds) {
        this.first = first;
        this.records = records;
        this.firstEndMillis = firstEndMillis;
        this.lastEndMillis = lastEndMillis;
        this.minSeconds = minSeconds;
        this.maxSeconds = maxSeconds;
        this.otherIds = otherIds;
    }

    /** Sequence of the first record. */
    long first() {
        return first;
    }

    int records() {
        return records;
    }

    /** When the first request ended. */
    long firstEndMillis() {
        return firstEndMillis;
    }

    /** When the last request ended. */
    long lastEndMillis() {
        return lastEndMillis;
    }

    /** Whether the batch may hold the record with this id. */
    boolean mayHold(String id) {
        if (RecordCodec.isMinted(id)) {
            long seconds = RecordCodec.seconds(id);
            return seconds >= minSeconds && seconds <= maxSeconds;
        }
        return Arrays.binarySearch(otherIds, id.hashCode()) >= 0;
    }

    byte[] encode() {
        ByteBuffer out = ByteBuffer.allocate(36 + otherIds.length * Integer.BYTES);
        out.putInt(records)
                .putLong(firstEndMillis)
                .putLong(lastEndMillis)
                .putLong(minSeconds)
                .putLong(maxSeconds);
        for (int hash : otherIds) {
            out.putInt(hash);
        }
        return out.array();
    }

    /** @throws RuntimeException if the bytes are no summary */
    static Batch decode(long first, byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        int records = in.getInt();
        long firstEnd = in.getLong();
        long lastEnd = in.getLong();
        long min = in.getLong();
        long max = in.getLong();
        int[] others = new int[in.remaining() / Integer.BYTES];
        for (int i = 0; i < others.length; i++) {
            others[i] = in.getInt();
        }
        return new Batch(first, records, firstEnd, lastEnd, min, max, others);
    }

    /** Builds the summary of a batch while the batch grows. */
    static final class Builder {
        private final long first;
        private int records;
        private long firstEndMillis;
        private long lastEndMillis;
        private long minSeconds = Long.MAX_VALUE;
        private long maxSeconds = Long.MIN_VALUE;
        private int[] otherIds = new int[16];
        private int others;

        Builder(long first) {
            this.first = first;
        }

        long first() {
            return first;
        }

        int records() {
            return records;
        }

        void add(byte[] id, long endMillis) {
            firstEndMillis = records == 0 ? endMillis : firstEndMillis;
            lastEndMillis = Math.max(endMillis, lastEndMillis);
            records++;
            if (RecordCodec.isMinted(id)) {
                long seconds = RecordCodec.seconds(id);
                minSeconds = Math.min(minSeconds, seconds);
                maxSeconds = Math.max(maxSeconds, seconds);
            } else if (id != null) {
                if (others == otherIds.length) {
                    otherIds = Arrays.copyOf(otherIds, others * 2);
                }
                otherIds[others++] = new String(id, StandardCharsets.UTF_8).hashCode();
            }
        }

        Batch build() {
            int[] sorted = Arrays.copyOf(otherIds, others);
            Arrays.sort(sorted);
            return new Batch(first, records, firstEndMillis, lastEndMillis, minSeconds, maxSeconds, sorted);
        }
    }
}
