package dev.refrain.console.activity;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.zip.DataFormatException;
import org.HdrHistogram.Histogram;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The counts of a minute, or of several added up. */
final class Minute {
    private static final Logger LOG = LoggerFactory.getLogger(Minute.class);

    private static final byte VERSION = 2;
    /** The version without a count of money spent. */
    private static final byte WITHOUT_SPENT = 1;

    private static final int ERRORS = Outcome.ALL.size();
    private static final int TOKENS_SAVED = ERRORS + 1;
    private static final int TOKENS_USED = ERRORS + 2;
    private static final int MILLIS_SAVED = ERRORS + 3;
    private static final int MONEY_SAVED = ERRORS + 4;
    private static final int MONEY_SPENT = ERRORS + 5;
    private static final int COUNTS = ERRORS + 6;

    private final long[] counts = new long[COUNTS];
    private final Histogram hits = Latencies.histogram();
    private final Histogram misses = Latencies.histogram();

    void clear() {
        Arrays.fill(counts, 0);
        hits.reset();
        misses.reset();
    }

    void add(Facts facts, long durationMicros) {
        Outcome outcome = facts.outcome();
        Cost cost = facts.cost();
        counts[outcome.number()]++;
        counts[ERRORS] += facts.isError() ? 1 : 0;
        counts[TOKENS_SAVED] += cost.tokensSaved();
        counts[TOKENS_USED] += cost.tokensUsed();
        counts[MILLIS_SAVED] += cost.millisSaved();
        counts[MONEY_SAVED] += Math.max(0, cost.moneySavedNanos());
        counts[MONEY_SPENT] += Math.max(0, cost.costNanos());
        if (outcome == Outcome.HIT) {
            hits.recordValue(durationMicros);
        } else if (outcome == Outcome.MISS) {
            misses.recordValue(durationMicros);
        }
    }

    /**
     * Encodes a version, the counts, the length of the first histogram, and both histograms in HdrHistogram's own
     * compressed form. An empty histogram is left out.
     */
    byte[] encode() {
        ByteBuffer out =
                ByteBuffer.allocate(1 + COUNTS * Long.BYTES + Integer.BYTES + 2 * hits.getNeededByteBufferCapacity());
        out.put(VERSION);
        for (long count : counts) {
            out.putLong(count);
        }
        int lengthAt = out.position();
        out.putInt(0);
        out.putInt(lengthAt, encode(hits, out));
        encode(misses, out);
        byte[] bytes = new byte[out.flip().remaining()];
        out.get(bytes);
        return bytes;
    }

    private static int encode(Histogram histogram, ByteBuffer out) {
        return histogram.getTotalCount() == 0 ? 0 : histogram.encodeIntoCompressedByteBuffer(out);
    }

    /** Adds counts that {@link #encode} encoded. Damaged bytes add nothing. */
    void add(byte[] other) {
        try {
            ByteBuffer in = ByteBuffer.wrap(other);
            byte version = in.get();
            if (version != VERSION && version != WITHOUT_SPENT) {
                return;
            }
            long[] more = new long[COUNTS];
            for (int i = 0; i < (version == WITHOUT_SPENT ? MONEY_SPENT : COUNTS); i++) {
                more[i] = in.getLong();
            }
            int middle = Integer.BYTES + in.position() + in.getInt();
            Histogram moreHits = decode(Arrays.copyOfRange(other, in.position(), middle));
            Histogram moreMisses = decode(Arrays.copyOfRange(other, middle, other.length));
            if (moreHits != null) {
                hits.add(moreHits);
            }
            if (moreMisses != null) {
                misses.add(moreMisses);
            }
            for (int i = 0; i < COUNTS; i++) {
                counts[i] += more[i];
            }
        } catch (RuntimeException | DataFormatException damaged) {
            LOG.debug("A minute of the time series cannot be read", damaged);
        }
    }

    /** Decodes a histogram from an array of its own, because the library ignores a buffer's offset in its array. */
    private static Histogram decode(byte[] bytes) throws DataFormatException {
        return bytes.length == 0
                ? null
                : Histogram.decodeFromCompressedByteBuffer(ByteBuffer.wrap(bytes), Latencies.MAX_MICROS);
    }

    TimeSeries.Point toPoint(long epochSeconds) {
        return new TimeSeries.Point(
                epochSeconds,
                new Stats.Counts(counts[0], counts[1], counts[2], counts[3], counts[4], counts[5], counts[ERRORS]),
                counts[TOKENS_SAVED],
                counts[TOKENS_USED],
                counts[MILLIS_SAVED],
                Prices.amount(counts[MONEY_SAVED]),
                Prices.amount(counts[MONEY_SPENT]),
                Latencies.millis(hits, 50),
                Latencies.millis(hits, 99),
                Latencies.millis(misses, 50),
                Latencies.millis(misses, 99));
    }
}
