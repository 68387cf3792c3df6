package dev.refrain.engine.internal.eviction;

/**
 * Chooses the better mode of {@link EvictionPolicy} for the current load. Each mode runs in a shadow cache: a small
 * cache without content (Waldspurger and others, "Cache Modeling and Optimization using Miniature Simulations", USENIX
 * ATC 2017). Both shadows see the same sample of keys, chosen by hash, and have the same share of the capacity. A mode
 * wins when its shadow hits where the other misses significantly more often (McNemar's test, a little over two
 * standard deviations).
 *
 * <p>A hit only writes a note, which the next puts process, so hits stay cheap. If there is no free slot, the
 * note is lost.
 */
final class Duel {
    /** Capacity of a shadow, in segments. */
    private static final int SHADOW_SEGMENTS = 2;

    private static final int NOTES = 256;
    /** A put processes at most this many notes, which bounds its time. */
    private static final int NOTES_PER_PUT = 8;
    /** About this many of the latest disagreements between the shadows count; the weight of older ones fades. */
    private static final double MEMORY = 300;

    private final ModelCache open;
    private final ModelCache guarded;
    private final long sampleMask;

    private final long[] hashes = new long[NOTES];
    private final int[] sizes = new int[NOTES];
    private final int[] costs = new int[NOTES];
    private int written;
    private int read;

    private double lead;
    private double disagreements;
    private volatile boolean guardedWins = true;

    Duel(EvictionPolicy policy, long capacity, int segments) {
        int rate = Integer.highestOneBit(Math.max(1, segments / SHADOW_SEGMENTS));
        this.sampleMask = rate - 1L;
        this.open = new ModelCache(policy, capacity / rate, () -> false);
        this.guarded = new ModelCache(policy, capacity / rate, () -> true);
    }

    boolean guardedWins() {
        return guardedWins;
    }

    void observe(long hash, int size, int cost) {
        // The sample uses other bits of the hash than those by which Footprints chooses groups and marks.
        if (((hash >>> 9) & sampleMask) == 0) {
            note(hash, size, cost);
        }
    }

    /** Writes a note. A race may garble or lose it. */
    private void note(long hash, int size, int cost) {
        int at = written;
        if (at - read < NOTES) {
            hashes[at % NOTES] = hash;
            sizes[at % NOTES] = size;
            costs[at % NOTES] = cost;
            written = (at + 1) & Integer.MAX_VALUE;
        }
    }

    /** Processes some notes. Called by one thread at a time. */
    void judge() {
        for (int n = 0; n < NOTES_PER_PUT && read != written; n++) {
            int at = read % NOTES;
            int size = Math.max(1, sizes[at]);
            judge(hashes[at], size, EvictionPolicy.value(costs[at], size));
            read = (read + 1) & Integer.MAX_VALUE;
        }
    }

    private void judge(long hash, int size, double value) {
        boolean openHits = open.access(hash, size, value);
        boolean guardedHits = guarded.access(hash, size, value);
        if (openHits != guardedHits) {
            lead = lead * (1 - 1 / MEMORY) + (guardedHits ? 1 : -1);
            disagreements = disagreements * (1 - 1 / MEMORY) + 1;
            if ((guardedWins ? -lead : lead) > 2 * Math.sqrt(disagreements) + 2) {
                guardedWins = !guardedWins;
            }
        }
    }
}
