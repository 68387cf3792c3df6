package dev.refrain.engine.internal.eviction;

/**
 * Scores entries for eviction. To make room, the store samples entries and removes those with the lowest score.
 *
 * <p>The score follows hyperbolic caching (Blankstein, Sen, Freedman, USENIX ATC 2017): hits x cost / (size x age),
 * where hits / age estimates the rate of future requests. Here {@link Reuse} learns that rate from all remembered keys,
 * whether or not they are in the map. An entry that was hit since it was stored scores a little more. This matters for
 * keys with equal scores, as in a loop: there it is better to keep the same entries.
 *
 * <p>There are two modes for new entries:
 * <ul>
 *   <li><b>open</b>: a new entry always replaces the entry with the lowest score.
 *   <li><b>guarded</b>: a new entry is safe while it is among the {@link #NEWCOMERS} latest of its segment. After that
 *       it stays only if its key was requested more often than that of the entry with the lowest score (TinyLFU;
 *       Einziger, Friedman, Manes, ACM ToS 2017). This resists scans and loops.
 * </ul>
 * Which mode is better depends on the load. {@link Duel} tries both on a small sample of keys.
 */
public final class EvictionPolicy {
    /**
     * Entries that a {@link ModelCache} samples per eviction. The worst of 64 is expected within the lowest 1.5 %, so
     * more would gain little.
     */
    public static final int SAMPLE = 64;
    /** In guarded mode, the number of a segment's latest entries that are not judged yet. */
    public static final int NEWCOMERS = 2;

    /** Frequencies are halved once per this many accesses for each entry that fits into the capacity. */
    private static final int ACCESSES_PER_HALVING = 40;
    /** {@link Reuse} learns this often per round. A round is as many accesses as entries fit into the capacity. */
    private static final int LESSONS_PER_ROUND = 8;
    /** Number of cells that {@link Reuse} samples for each access that it learns from. */
    private static final int SAMPLED_PER_ACCESS = 2;
    /**
     * {@link Reuse} learns from a sample of keys, chosen by hash, that corresponds to this many entries or up to
     * twice as many.
     */
    private static final int SAMPLED_ENTRIES = 16_384;

    private static final int UPKEEP_INTERVAL = 16;
    private static final int MAX_UPKEEP = UPKEEP_INTERVAL * 256;
    private static final int STRIPES = 16;
    private static final int STRIDE = 16;
    /** The score's factor by the number of hits since the entry was stored. */
    private static final double[] PERSISTENCE = new double[Footprints.MAX_HITS + 1];

    static {
        for (int hits = 0; hits < PERSISTENCE.length; hits++) {
            PERSISTENCE[hits] = Math.sqrt(1 + hits);
        }
    }

    private final long capacity;
    private final Footprints footprints;
    private final Reuse reuse = new Reuse();
    private final int sampling;
    private final Duel duel;
    /** Number of accesses, counted in stripes by thread. Lost updates do not matter. */
    private final long[] accesses = new long[STRIPES * STRIDE];

    private double averageSize;
    private int putsUntilUpkeep = UPKEEP_INTERVAL;
    private long countedAccesses;
    private double ticks;
    private double owedAging;
    private double owedSamples;
    private double roundsUntilLesson;

    /**
     * @param capacity capacity of the store, in units of size
     * @param segments number of the store's segments
     * @param expectedEntries number of entries that the store may hold; as many evicted ones are remembered as well
     */
    public EvictionPolicy(long capacity, int segments, long expectedEntries) {
        this.capacity = capacity;
        this.averageSize = (double) capacity / expectedEntries;
        this.footprints = new Footprints(expectedEntries * 4);
        this.sampling = (int) Long.highestOneBit(Math.max(1, Math.min(1 << 20, expectedEntries / SAMPLED_ENTRIES)));
        this.duel = new Duel(this, capacity, segments);
    }

    /**
     * Learns that an entry was read. Called by any thread; takes no lock and leaves no garbage.
     *
     * @param hash hash of the key; all of its bits must be as good as random
     * @param size size of the entry, all parts together, in the units of the capacity
     * @param cost cost of fetching it, in any unit
     */
    public void hit(long hash, int size, int cost) {
        learn(hash, footprints.hit(hash));
        accesses[stripe()]++;
        duel.observe(hash, size, cost);
    }

    /** Learns that an entry is about to be stored. Called before room is made for it; parameters as in {@link #hit}. */
    public synchronized void put(long hash, int size, int cost) {
        learn(hash, footprints.put(hash));
        accesses[stripe()]++;
        averageSize += (size - averageSize) / 1024;
        duel.observe(hash, size, cost);
        duel.judge();
        if (--putsUntilUpkeep == 0) {
            putsUntilUpkeep = UPKEEP_INTERVAL;
            keepUp();
        }
    }

    /** @param before the key's cell before this access */
    private void learn(long hash, int before) {
        // The sample does not use the bits of the hash that choose groups and marks. A second access within one tick
        // writes nothing, so hits of popular keys stay cheap.
        if (((hash >>> 9) & (sampling - 1)) == 0 && before != 0) {
            int idle = footprints.idle(before);
            if (idle > 0 && !footprints.isLongAgo(before)) {
                reuse.again(Footprints.frequency(before), idle);
            }
        }
    }

    private void keepUp() {
        long total = 0;
        for (int stripe = 0; stripe < STRIPES; stripe++) {
            total += accesses[stripe * STRIDE];
        }
        long now = total - countedAccesses;
        countedAccesses = total;
        double rounds = now / Math.max(1, capacity / averageSize);
        ticks += rounds * Footprints.TICKS_PER_ROUND;
        footprints.tick((int) (long) ticks);

        // After a long time without puts, the aging of the cells is spread over the next puts.
        owedAging += rounds * footprints.length() / ACCESSES_PER_HALVING;
        int aging = (int) Math.min(owedAging, MAX_UPKEEP);
        footprints.age(aging);
        owedAging = Math.min(owedAging - aging, footprints.length());

        owedSamples += (double) now * SAMPLED_PER_ACCESS / sampling;
        int samples = (int) Math.min(owedSamples, MAX_UPKEEP);
        footprints.sample(samples, reuse);
        owedSamples = Math.min(owedSamples - samples, footprints.length());

        roundsUntilLesson -= rounds;
        if (roundsUntilLesson <= 0) {
            roundsUntilLesson = 1.0 / LESSONS_PER_ROUND;
            reuse.learn(footprints.length() * averageSize / capacity * Footprints.TICKS_PER_ROUND / SAMPLED_PER_ACCESS);
        }
    }

    private static int stripe() {
        return (int) ((Thread.currentThread().getId() * 0x9E3779B97F4A7C15L) >>> 60) * STRIDE;
    }

    /**
     * Learns that a part of an entry was evicted. From then on the other parts of the entry score 0.
     *
     * @param ifUnknown returned if the key is not remembered
     * @return whether this was the first part of the entry to be evicted
     */
    public boolean forget(long hash, boolean ifUnknown) {
        int before = footprints.forget(hash);
        return before == 0 ? ifUnknown : !footprints.isLongAgo(before);
    }

    /**
     * Prefetches the cells of many keys before {@link #footprint} is called for each. The cells are far apart in
     * memory; loaded together, their cache misses overlap.
     *
     * @return a meaningless number that keeps the loads from being optimised away
     */
    public int fetch(long[] hashes, int count) {
        return footprints.fetch(hashes, count);
    }

    /** The cell of a key, for the methods below. */
    public int footprint(long hash) {
        return footprints.of(hash);
    }

    /** Hits since the entry was stored, at most 7; -1 if the key is not remembered. */
    public int hits(long hash) {
        int footprint = footprint(hash);
        return isKnown(footprint) ? Footprints.hits(footprint) : -1;
    }

    /** Whether a footprint is the cell of a remembered key, and not the default for unknown keys. */
    public static boolean isKnown(int footprint) {
        return Footprints.isMarked(footprint);
    }

    public boolean isGuarded() {
        return duel.guardedWins();
    }

    /** An entry's score for each unit of its size. */
    public double worth(int footprint, double value) {
        return worth(footprint, Footprints.hits(footprint), value);
    }

    /** @param hits number of hits since the entry was stored */
    double worth(int footprint, int hits, double value) {
        return footprints.isLongAgo(footprint)
                ? 0
                : value
                        * reuse.earns(Footprints.frequency(footprint), footprints.idle(footprint))
                        * PERSISTENCE[Math.min(hits, Footprints.MAX_HITS)];
    }

    /** The number by which a new entry is compared with another one in guarded mode, for each unit of its size. */
    public double claim(int footprint, double value) {
        return Footprints.frequency(footprint) * value;
    }

    /**
     * The part of the score that depends only on the entry: cost for each unit of size.
     *
     * @param cost cost of fetching it, in any unit
     */
    public static double value(double cost, long size) {
        return cost / size;
    }
}
