package dev.refrain.engine.internal.eviction;

/**
 * Finds out which mode of {@link EvictionPolicy} is better for the load at hand: both rule a shadow cache, a small one without
 * content (Waldspurger and others, "Cache Modeling and Optimization using Miniature Simulations", USENIX ATC 2017). A sample of the
 * keys goes there, chosen by hash, and the shadows have the same share of the room. The mode whose shadow hits where the other misses
 * wins, as soon as that is no chance (McNemar's test: the difference is two standard deviations and some more).
 *
 * <p>Hits leave a note that the next puts read, so that a hit costs little; notes that find no place are lost.
 */
final class Duel {
    /** The shadows' room. */
    private static final int SHADOW_SEGMENTS = 2;

    private static final int NOTES = 256;
    /** A put reads no more notes than that: a bound on its time. */
    private static final int NOTES_PER_PUT = 8;
    /** Disagreements remembered: what is older counts less and less. */
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

    void heard(long hash, int size, int cost) {
        // Other bits than those that choose cells and marks.
        if (((hash >>> 9) & sampleMask) == 0) {
            note(hash, size, cost);
        }
    }

    /** Racing threads may garble a note or lose one. */
    private void note(long hash, int size, int cost) {
        int at = written;
        if (at - read < NOTES) {
            hashes[at % NOTES] = hash;
            sizes[at % NOTES] = size;
            costs[at % NOTES] = cost;
            written = (at + 1) & Integer.MAX_VALUE;
        }
    }

    /** Reads notes; one thread at a time. */
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
