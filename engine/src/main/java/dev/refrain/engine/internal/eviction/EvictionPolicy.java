package dev.refrain.engine.internal.eviction;

/**
 * Says what an entry is worth keeping. Whoever needs room looks at a sample of entries and removes those that are worth least.
 *
 * <p>The beginning is hyperbolic caching (Blankstein, Sen, Freedman, USENIX ATC 2017): worth = hits x cost / (size x age), where hits /
 * age is an estimate of the rate at which the entry will be asked for. Here experience makes that estimate: {@link Reuse} learns it from
 * all keys that are remembered, whether they are in the map or have left it. What has been hit since it came is worth somewhat more: of
 * many keys that are as good as each other, as in a loop, it is better to keep the same ones than to change.
 *
 * <p>That leaves open who bears the doubt about a key that is seen for the first time, so there are two modes:
 * <ul>
 *   <li><b>open</b>: every newcomer pushes out whatever is worth least.
 *   <li><b>guarded</b>: a newcomer must then hold its own: when it is no longer among the {@link #NEWCOMERS} latest of its segment, it
 *       stays only if its key has been asked for more often than that of the entry that would go instead (TinyLFU; Einziger, Friedman,
 *       Manes, ACM ToS 2017). Withstands scans and loops.
 * </ul>
 * Which mode is better depends on the load, so {@link Duel} tries both on a small sample of keys, and the winner rules.
 */
public final class EvictionPolicy {
    /** How many entries to look at. More would find little worse ones: the expected rank of the worst of 64 is the lowest 1.5 %. */
    public static final int SAMPLE = 64;
    /** Entries of a segment that are too new to be judged, in guarded mode. */
    public static final int NEWCOMERS = 2;

    /** A frequency is halved when there have been this many accesses for each entry that the room holds. */
    private static final int ACCESSES_PER_HALVING = 40;
    /** In as many accesses as the room holds entries. */
    private static final int LESSONS_PER_ROUND = 8;
    /** How many cells {@link Reuse} sees for each access that it sees. */
    private static final int SHOWN_PER_ACCESS = 2;
    /** {@link Reuse} hears of a sample of keys, chosen by hash, such that it stands for this many entries or twice as many. */
    private static final int SAMPLED_ENTRIES = 16_384;

    private static final int UPKEEP_INTERVAL = 16;
    private static final int MAX_UPKEEP = UPKEEP_INTERVAL * 256;
    private static final int STRIPES = 16;
    private static final int STRIDE = 16;
    /** By hits since an entry came. */
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
    /** Counts accesses, in stripes by thread; lost updates do not matter. */
    private final long[] accesses = new long[STRIPES * STRIDE];

    private double averageSize;
    private int putsUntilUpkeep = UPKEEP_INTERVAL;
    private long countedAccesses;
    private double ticks;
    private double owedAging;
    private double owedShowing;
    private double roundsUntilLesson;

    /**
     * @param capacity all the room there is, in units of size
     * @param segments how many parts it has
     * @param expectedEntries how many entries it may hold; memory is taken for as many, and as many more that have left
     */
    public EvictionPolicy(long capacity, int segments, long expectedEntries) {
        this.capacity = capacity;
        this.averageSize = (double) capacity / expectedEntries;
        this.footprints = new Footprints(expectedEntries * 4);
        this.sampling = (int) Long.highestOneBit(Math.max(1, Math.min(1 << 20, expectedEntries / SAMPLED_ENTRIES)));
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
        learn(hash, footprints.hit(hash));
        accesses[stripe()]++;
        duel.heard(hash, size, cost);
    }

    /** An entry comes into the map; to be said before room is made for it. The arguments are those of {@link #hit}. */
    public synchronized void put(long hash, int size, int cost) {
        learn(hash, footprints.put(hash));
        accesses[stripe()]++;
        averageSize += (size - averageSize) / 1024;
        duel.heard(hash, size, cost);
        duel.judge();
        if (--putsUntilUpkeep == 0) {
            putsUntilUpkeep = UPKEEP_INTERVAL;
            keepUp();
        }
    }

    /** @param before the key's cell before this access */
    private void learn(long hash, int before) {
        // Other bits than those that choose cells and marks. Within a tick nothing is written, for the sake of what
        // everybody asks for.
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

        // What a long time without puts has left to do is done bit by bit.
        owedAging += rounds * footprints.length() / ACCESSES_PER_HALVING;
        int aging = (int) Math.min(owedAging, MAX_UPKEEP);
        footprints.age(aging);
        owedAging = Math.min(owedAging - aging, footprints.length());

        owedShowing += (double) now * SHOWN_PER_ACCESS / sampling;
        int showing = (int) Math.min(owedShowing, MAX_UPKEEP);
        footprints.show(showing, reuse);
        owedShowing = Math.min(owedShowing - showing, footprints.length());

        roundsUntilLesson -= rounds;
        if (roundsUntilLesson <= 0) {
            roundsUntilLesson = 1.0 / LESSONS_PER_ROUND;
            reuse.learn(footprints.length() * averageSize / capacity * Footprints.TICKS_PER_ROUND / SHOWN_PER_ACCESS);
        }
    }

    private static int stripe() {
        return (int) ((Thread.currentThread().getId() * 0x9E3779B97F4A7C15L) >>> 60) * STRIDE;
    }

    /**
     * A piece of an entry has gone, so the rest of it is worth nothing.
     *
     * @param ifUnknown the answer where nothing is remembered of the entry
     * @return whether it was the first piece to go
     */
    public boolean forget(long hash, boolean ifUnknown) {
        int before = footprints.forget(hash);
        return before == 0 ? ifUnknown : !footprints.isLongAgo(before);
    }

    /**
     * To be called before {@link #footprint} is asked for many keys one by one: what is remembered of keys lies as far apart as can be, and
     * these loads do not wait for each other.
     *
     * @return nothing of use; to be kept somewhere
     */
    public int fetch(long[] hashes, int count) {
        return footprints.fetch(hashes, count);
    }

    /** What is known of a key; the argument of the methods below. */
    public int footprint(long hash) {
        return footprints.of(hash);
    }

    /** Hits since the entry came into the map, no more than 7, or -1 if the key is not remembered. */
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
        return worth(footprint, Footprints.hits(footprint), value);
    }

    /** @param hits since the entry came */
    double worth(int footprint, int hits, double value) {
        return footprints.isLongAgo(footprint)
                ? 0
                : value
                        * reuse.earns(Footprints.frequency(footprint), footprints.idle(footprint))
                        * PERSISTENCE[Math.min(hits, Footprints.MAX_HITS)];
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
