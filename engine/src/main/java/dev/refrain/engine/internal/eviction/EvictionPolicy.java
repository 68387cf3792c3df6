package dev.refrain.engine.internal.eviction;

/**
 * Says what an entry is worth keeping. Whoever needs room looks at a sample of entries and removes those that are worth least.
 *
 * <p>The beginning is hyperbolic caching (Blankstein, Sen, Freedman, USENIX ATC 2017): worth = hits x cost / (size x age). Two
 * readings of it are good at different things, so there are two modes:
 * <ul>
 *   <li><b>open</b>: hits are all that is remembered of the key, also from before it came into the map, to the power of 1.5, and age
 *       is the time since the last access. Every newcomer pushes out whatever is worth least. Follows what is asked for lately.
 *   <li><b>guarded</b>: hits are those since the entry came into the map, and a newcomer must then hold its own: when it is no longer
 *       among the {@link #NEWCOMERS} latest of its segment, it stays only if its key has been asked for more often than that of the
 *       entry that would go instead (TinyLFU; Einziger, Friedman, Manes, ACM ToS 2017). Withstands scans and loops.
 * </ul>
 * Which mode is better depends on the load, so {@link Duel} tries both on a small sample of keys, and the winner rules.
 */
public final class EvictionPolicy {
    /** How many entries to look at. More would find little worse ones: the expected rank of the worst of 64 is the lowest 1.5 %. */
    public static final int SAMPLE = 64;
    /** Entries of a segment that are too new to be judged, in guarded mode. */
    public static final int NEWCOMERS = 2;

    /** Hits of an entry are counted up to here. */
    public static final int MOST_HITS = Footprints.MAX_HITS;

    /** An age is that much longer, in ticks, so that what was accessed just now is not worth infinitely much: 2 % of a turnover. */
    private static final double AGE_OFFSET = 10;
    /** A frequency is halved when there have been this many accesses for each entry that the room holds. */
    private static final int ACCESSES_PER_HALVING = 20;

    private static final int AGING_INTERVAL = 64;
    private static final int STRIPES = 16;
    private static final int STRIDE = 16;
    private static final double[] FREQUENCY_WEIGHT = new double[Footprints.MAX_FREQUENCY + 1];

    static {
        for (int frequency = 0; frequency < FREQUENCY_WEIGHT.length; frequency++) {
            FREQUENCY_WEIGHT[frequency] = Math.pow(frequency, 1.5);
        }
    }

    private final long capacity;
    private final Footprints footprints;
    private final Duel duel;
    /** Counts accesses, in stripes by thread; lost updates do not matter. */
    private final long[] accesses = new long[STRIPES * STRIDE];

    private long filled;
    private double averageSize;
    private int putsUntilAging = AGING_INTERVAL;
    private long agedAt;
    private double owedAging;

    /**
     * @param capacity all the room there is, in units of size
     * @param segments how many parts it has
     * @param expectedEntries how many entries it may hold; memory is taken for as many, and as many more that have left
     */
    public EvictionPolicy(long capacity, int segments, long expectedEntries) {
        this.capacity = capacity;
        this.averageSize = (double) capacity / expectedEntries;
        this.footprints = new Footprints(expectedEntries * 4);
        this.duel = new Duel(this, capacity, segments);
    }

    /**
     * An entry was read. Any thread, no lock, no garbage.
     *
     * @param hash of the key; all of its bits must be as good as random
     * @param size the room that the entry takes, all of its pieces together
     * @param cost what fetching it cost, in any unit
     */
    public void hit(long hash, int size, int cost) {
        footprints.hit(hash);
        accesses[stripe()]++;
        duel.heard(hash, size, cost);
    }

    /** An entry comes into the map; to be said before room is made for it. The arguments are those of {@link #hit}. */
    public synchronized void put(long hash, int size, int cost) {
        footprints.put(hash);
        accesses[stripe()]++;
        filled += size;
        averageSize += (size - averageSize) / 1024;
        footprints.tick((int) (filled * Footprints.TICKS_PER_TURNOVER / capacity));
        duel.heard(hash, size, cost);
        duel.judge();
        if (--putsUntilAging == 0) {
            putsUntilAging = AGING_INTERVAL;
            age();
        }
    }

    private void age() {
        long total = 0;
        for (int stripe = 0; stripe < STRIPES; stripe++) {
            total += accesses[stripe * STRIDE];
        }
        double entries = Math.max(1, capacity / averageSize);
        owedAging += (total - agedAt) * (footprints.length() / (ACCESSES_PER_HALVING * entries));
        agedAt = total;
        // What a long time without puts has left to do is done bit by bit.
        int now = (int) Math.min(owedAging, AGING_INTERVAL * 256);
        footprints.age(now);
        owedAging = Math.min(owedAging - now, footprints.length());
    }

    private static int stripe() {
        return (int) ((Thread.currentThread().getId() * 0x9E3779B97F4A7C15L) >>> 60) * STRIDE;
    }

    /** A piece of an entry has gone, so the rest of it is worth nothing. */
    public void forget(long hash) {
        footprints.forget(hash);
    }

    /** What is known of a key; the argument of the methods below. */
    public int footprint(long hash) {
        return footprints.of(hash);
    }

    /** Hits since the entry came into the map, no more than {@link #MOST_HITS}, or -1 if the key is not remembered. */
    public int hits(long hash) {
        int footprint = footprint(hash);
        return isKnown(footprint) ? Footprints.hits(footprint) : -1;
    }

    /** Whether a footprint is that of a key which is remembered; if not, it is a guess. */
    public static boolean isKnown(int footprint) {
        return Footprints.isMarked(footprint);
    }

    public boolean isGuarded() {
        return duel.guardedWins();
    }

    /** What a unit of an entry's size is worth keeping. */
    public double worth(int footprint, double value) {
        return worth(
                isGuarded(),
                Footprints.frequency(footprint),
                Footprints.hits(footprint),
                footprints.idle(footprint),
                value);
    }

    static double worth(boolean guarded, int frequency, int hits, int idle, double value) {
        return guarded ? value * (hits + 1) / (idle + 1) : value * FREQUENCY_WEIGHT[frequency] / (idle + AGE_OFFSET);
    }

    /** What a unit of an entry's size counts in the comparison that a newcomer has to win in guarded mode. */
    public double claim(int footprint, double value) {
        return Footprints.frequency(footprint) * value;
    }

    /**
     * What a unit of an entry's size is good for, as far as the entry itself tells.
     *
     * @param cost what fetching it cost, in any unit
     */
    public static double value(double cost, long size) {
        return cost / size;
    }
}
