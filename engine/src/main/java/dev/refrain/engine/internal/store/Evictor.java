package dev.refrain.engine.internal.store;

import dev.refrain.engine.internal.eviction.EvictionPolicy;
import dev.refrain.engine.spi.CacheStore;
import java.util.Arrays;
import java.util.BitSet;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Chooses the values to evict from a full segment to make room for one value. The room must be contiguous, so it
 * chooses a run of neighbours: of all runs that are long enough, the one with the lowest worth per chunk.
 * {@link EvictionPolicy} computes the worth of an entry. Expired entries, and free chunks between values, are
 * worth nothing.
 *
 * <p>The sample is a stretch of the segment of at most {@link #SAMPLE} values. A stretch is a fair sample, because a
 * value's place does not depend on its worth. Sampling takes some 20 us under the segment's update lock: 7 us for a
 * pass over the lookup table, the rest for a few hundred values. So the next cheapest runs go to a list
 * ({@link Shortlists}). While one of them is worth no more than the list's bound, only the list is examined, which
 * takes 2 us. Not thread-safe.
 *
 * <p>Long, since all steps of one choice share arrays that are reused, so that choosing allocates nothing.
 */
final class Evictor {
    /**
     * A segment holds some 400 answers of 2.5 KB, or 30 parts of large ones. Even of the smallest values, this many
     * make room for one part.
     */
    private static final int SAMPLE = 512;

    /**
     * One run is listed per this many sampled values. A longer list is used for longer, and misses more values whose
     * worth has fallen meanwhile: one run per 32 values costs a percentage point of hits on some loads.
     */
    private static final int LOOKED_AT_PER_LISTED = 64;

    private static final double MILLIS_TO_HALVE = 3_600_000;
    private static final double NEVER = Double.POSITIVE_INFINITY;
    private static final double EXPIRED = -1;

    private final EvictionPolicy policy;
    private final RecentInserts recentInserts;
    private final Shortlists shortlists;

    private final BitSet isStart = new BitSet(Layout.CHUNKS_PER_SEGMENT);
    /**
     * The values of the sample in the order of their places: first chunk, chunk after the last one, worth, and
     * claim ({@link EvictionPolicy#claim}).
     */
    private final int[] starts = new int[SAMPLE];

    private final int[] ends = new int[SAMPLE];
    private final double[] worths = new double[SAMPLE];
    private final double[] claims = new double[SAMPLE];
    private final long[] owners = new long[SAMPLE];
    private int count;
    private long nextExpiry;
    /** A sink for loads, so that the JIT does not remove them. */
    @SuppressWarnings("unused")
    private int fetched;

    private final int[] best = new int[Shortlists.LENGTH];

    /** The values at which the examined runs begin, ascending. */
    private final int[] anchors = new int[Shortlists.LENGTH + 1];
    /** For each value: the worth per chunk of the run that begins with it, and the value after the end of that run. */
    private final double[] runWorths = new double[SAMPLE];

    private final int[] runEnds = new int[SAMPLE];

    /** For each value the sums over all values before it, so that the sum over a run is one subtraction. */
    private final double[] worthSums = new double[SAMPLE + 1];

    private final double[] claimSums = new double[SAMPLE + 1];
    private final int[] takenSums = new int[SAMPLE + 1];
    /** 1 for a value that has not expired, else 0. */
    private final int[] lives = new int[SAMPLE];

    private final int[] liveSums = new int[SAMPLE + 1];
    /** For each value the end of the free chunks that follow it. */
    private final int[] limits = new int[SAMPLE];
    /** For each value the index of the next value, from itself on, that must stay. */
    private final int[] barriers = new int[SAMPLE];

    private SegmentView view;
    private int segment;
    private long own;
    private long nowMillis;

    /**
     * The chosen run: index of its first value, index after its last value, worth per chunk, number of values that have
     * not expired, and claim per chunk.
     */
    private int from;

    private int to;
    private double runWorth;
    private int runLive;
    private double runClaim;

    private final byte[] keys = new byte[SAMPLE * CacheStore.KEY_LENGTH];
    private int victims;
    private boolean isFromShortlist;

    Evictor(EvictionPolicy policy, RecentInserts recentInserts, Shortlists shortlists) {
        this.policy = policy;
        this.recentInserts = recentInserts;
        this.shortlists = shortlists;
    }

    /**
     * Whether {@link #choose} used only the shortlist. If so, the lookup table may not have the chosen values any more.
     */
    boolean choseFromShortlist() {
        return isFromShortlist;
    }

    /** How many values {@link #choose} chose. */
    int victims() {
        return victims;
    }

    void copyKey(int victim, byte[] into) {
        System.arraycopy(keys, victim * CacheStore.KEY_LENGTH, into, 0, CacheStore.KEY_LENGTH);
    }

    /**
     * Chooses values whose removal makes room for one value.
     *
     * @param chunks length of the room that is needed
     * @param ownHash owner of the value that needs the room; no other value of this owner is chosen
     */
    void choose(SegmentView locked, int segmentIndex, int chunks, long ownHash, long now) {
        view = locked;
        segment = segmentIndex;
        own = ownHash;
        nowMillis = now;
        victims = 0;
        boolean isGuarded = policy.isGuarded();
        int challenger = isGuarded ? challenger() : RecentInserts.NONE;
        isFromShortlist = chooseFromShortlist(chunks, challenger, isGuarded);
        if (!isFromShortlist) {
            chooseFromAll(chunks, challenger, isGuarded);
        }
        for (int i = from; i < to; i++) {
            view.copyKey(starts[i], keys, victims++ * CacheStore.KEY_LENGTH);
        }
    }

    private boolean chooseFromShortlist(int chunks, int challenger, boolean isGuarded) {
        if (!shortlists.use(segment, chunks, nowMillis)) {
            return false;
        }
        lookAtShortlist(chunks, challenger, isGuarded);
        contest(chunks, challenger);
        double bound = shortlists.bound(segment);
        return from < to && (bound == EXPIRED ? runLive == 0 : runWorth <= bound);
    }

    private void chooseFromAll(int chunks, int challenger, boolean isGuarded) {
        int all = view.listStarts(isStart);
        look(all, challenger, isGuarded);
        contest(chunks, challenger);
        if (from == to) {
            // The segment has only a few values, and all of them are recent inserts.
            look(all, RecentInserts.NONE, false);
            findRun(chunks);
        }
        enlist(chunks);
    }

    /**
     * Chooses the run to evict. The challenger, which is the oldest recent insert, stays if its key was requested more
     * often than those of the values that would be evicted instead. If not, the challenger is evicted.
     */
    private void contest(int chunks, int challengerChunk) {
        int challenger =
                challengerChunk == RecentInserts.NONE ? -1 : Arrays.binarySearch(starts, 0, count, challengerChunk);
        if (challenger < 0) {
            findRun(chunks);
            return;
        }
        double claim = claims[challenger] / (ends[challenger] - starts[challenger]);
        worths[challenger] = NEVER;
        findRun(chunks);
        if (from == to || claim <= runClaim) {
            worths[challenger] = 0;
            findRun(chunks);
        }
    }

    /** The chunk of the oldest recent insert, if that is still in the segment. */
    private int challenger() {
        long oldest = recentInserts.takeOldest(segment);
        if (oldest == RecentInserts.NONE) {
            return RecentInserts.NONE;
        }
        int chunk = RecentInserts.chunk(oldest);
        if (!view.isTaken(chunk) || !view.isSound(chunk)) {
            return RecentInserts.NONE;
        }
        long owner = view.owner(chunk);
        return owner != own && RecentInserts.isAt(oldest, owner, chunk) ? chunk : RecentInserts.NONE;
    }

    /**
     * Examines a stretch of values, or all if there are few.
     *
     * @param challenger a chunk that the stretch has to include, or {@link RecentInserts#NONE}
     */
    private void look(int all, int challenger, boolean sparesNewcomers) {
        count = 0;
        nextExpiry = Long.MAX_VALUE;
        int first = 0;
        if (all > SAMPLE) {
            int stretch = (int) ((long) Layout.CHUNKS_PER_SEGMENT * SAMPLE / all);
            first = challenger != RecentInserts.NONE
                    ? Math.max(0, Math.min(challenger - stretch / 4, Layout.CHUNKS_PER_SEGMENT - stretch))
                    : ThreadLocalRandom.current().nextInt(Layout.CHUNKS_PER_SEGMENT - stretch + 1);
        }
        int listed = 0;
        for (int chunk = isStart.nextSetBit(first);
                chunk >= 0 && listed < SAMPLE;
                chunk = isStart.nextSetBit(chunk + 1)) {
            starts[listed++] = chunk;
        }
        view.fetch(starts, listed);
        int sound = 0;
        for (int i = 0; i < listed; i++) {
            int chunk = starts[i];
            if (view.isSound(chunk)) {
                owners[sound] = view.owner(chunk);
                starts[sound++] = chunk;
            }
        }
        fetched = policy.fetch(owners, sound);
        for (int i = 0; i < sound; i++) {
            add(starts[i], sparesNewcomers);
        }
    }

    /**
     * Examines the shortlist and the challenger, each with as many following values as make room. The values between
     * them are listed as one value that must stay.
     */
    private void lookAtShortlist(int chunks, int challenger, boolean sparesNewcomers) {
        int listed = listAnchors(challenger);
        count = 0;
        int reached = 0;
        for (int i = 0; i < listed && count < SAMPLE - 1; i++) {
            if (anchors[i] < reached) {
                continue;
            }
            int begin = view.beginOfFree(anchors[i]);
            if (begin > reached) {
                starts[count] = reached;
                ends[count] = begin;
                worths[count] = NEVER;
                claims[count] = 0;
                lives[count++] = 1;
            }
            int next = anchors[i];
            do {
                add(next, sparesNewcomers);
                next = endOfFree(ends[count - 1]);
            } while (next - begin < chunks && next < Layout.CHUNKS_PER_SEGMENT && view.isSound(next) && count < SAMPLE);
            reached = next;
        }
    }

    private int listAnchors(int challenger) {
        for (int i = 0; i < Shortlists.LENGTH; i++) {
            anchors[i] = shortlists.chunk(segment, i);
        }
        view.fetch(anchors, Shortlists.LENGTH);
        int listed = 0;
        for (int i = 0; i < Shortlists.LENGTH; i++) {
            int chunk = anchors[i];
            if (view.isTaken(chunk) && view.isSound(chunk) && shortlists.isAt(segment, i, view.owner(chunk), chunk)) {
                owners[listed] = view.owner(chunk);
                anchors[listed++] = chunk;
            }
        }
        fetched = policy.fetch(owners, listed);
        if (challenger != RecentInserts.NONE) {
            anchors[listed++] = challenger;
        }
        Arrays.sort(anchors, 0, listed);
        return listed;
    }

    private void add(int chunk, boolean sparesNewcomers) {
        starts[count] = chunk;
        ends[count] = chunk + view.chunks(chunk);
        judge(chunk, sparesNewcomers);
        count++;
    }

    private void judge(int chunk, boolean sparesNewcomers) {
        long owner = view.owner(chunk);
        claims[count] = 0;
        lives[count] = 1;
        if (owner == own || (sparesNewcomers && recentInserts.contains(segment, owner, chunk))) {
            worths[count] = NEVER;
            return;
        }
        long expiresAt = view.expiresAt(chunk);
        if (expiresAt <= nowMillis) {
            worths[count] = 0;
            lives[count] = 0;
        } else {
            nextExpiry = Math.min(nextExpiry, expiresAt);
            int footprint = policy.footprint(owner);
            double value = EvictionPolicy.value(view.cost(chunk), EvictionFacts.chunks(view.total(chunk)));
            if (!EvictionPolicy.isKnown(footprint)) {
                // The policy does not know the key: the entry was stored before this process began, or other keys took
                // its place. The older the entry is, the lower is its worth.
                value /= 1 + Math.max(0, nowMillis - view.storedAt(chunk)) / MILLIS_TO_HALVE;
            }
            int length = ends[count] - chunk;
            worths[count] = policy.worth(footprint, value) * length;
            claims[count] = policy.claim(footprint, value) * length;
        }
    }

    /**
     * Sets {@link #from} and {@link #to} to the run with the lowest worth per chunk, or both to 0 if there is none. A
     * run has no value at either end that could stay.
     */
    private void findRun(int chunks) {
        from = 0;
        to = 0;
        runWorth = NEVER;
        sum();
        int j = 0;
        for (int i = 0; i < count; i++) {
            runWorths[i] = NEVER;
            if (j == count) {
                continue;
            }
            int begin = i == 0 ? starts[0] : ends[i - 1];
            j = Math.max(i, j);
            while (j < count && limits[j] - begin < chunks) {
                j++;
            }
            if (j == count || barriers[i] <= j) {
                continue;
            }
            boolean isNeeded = i == j || limits[j] - ends[i] < chunks;
            int taken = takenSums[j + 1] - takenSums[i];
            double perChunk = (worthSums[j + 1] - worthSums[i]) / Math.max(taken, chunks);
            int live = liveSums[j + 1] - liveSums[i];
            // Forgotten entries also score 0 (up to rounding). On a tie, expired entries go first.
            if (!isNeeded) {
                continue;
            }
            runWorths[i] = live == 0 ? EXPIRED : perChunk;
            runEnds[i] = j + 1;
            if (perChunk < runWorth || (perChunk == runWorth && live < runLive)) {
                from = i;
                to = j + 1;
                runWorth = perChunk;
                runLive = live;
                runClaim = (claimSums[j + 1] - claimSums[i]) / taken;
            }
        }
    }

    /** Computes the prefix sums, with which the worth of any run is one subtraction. */
    private void sum() {
        for (int i = 0; i < count; i++) {
            worthSums[i + 1] = worthSums[i] + (worths[i] == NEVER ? 0 : worths[i]);
            claimSums[i + 1] = claimSums[i] + claims[i];
            takenSums[i + 1] = takenSums[i] + ends[i] - starts[i];
            liveSums[i + 1] = liveSums[i] + lives[i];
            limits[i] = i + 1 < count ? starts[i + 1] : endOfFree(ends[i]);
        }
        for (int i = count - 1, barrier = count; i >= 0; i--) {
            barrier = worths[i] == NEVER ? i : barrier;
            barriers[i] = barrier;
        }
    }

    private int endOfFree(int end) {
        return end < Layout.CHUNKS_PER_SEGMENT ? view.endOfFree(end) : end;
    }

    /**
     * Makes a shortlist of the runs with the lowest worth after the chosen one. If any of them are expired runs, it
     * lists only these.
     */
    private void enlist(int chunks) {
        int listed = 0;
        int most = Math.min(best.length, count / LOOKED_AT_PER_LISTED);
        for (int i = 0; i < count && most > 0; i++) {
            boolean isChosen = i < to && runEnds[i] > from;
            if (runWorths[i] == NEVER || isChosen || (listed == most && runWorths[i] >= runWorths[best[listed - 1]])) {
                continue;
            }
            listed = Math.min(listed + 1, most);
            int at = listed - 1;
            for (; at > 0 && runWorths[best[at - 1]] > runWorths[i]; at--) {
                best[at] = best[at - 1];
            }
            best[at] = i;
        }
        while (listed > 0 && runWorths[best[0]] == EXPIRED && runWorths[best[listed - 1]] != EXPIRED) {
            listed--;
        }
        for (int i = 0; i < listed; i++) {
            int chunk = starts[best[i]];
            shortlists.set(segment, i, view.owner(chunk), chunk);
        }
        shortlists.set(segment, listed, chunks, nextExpiry, listed == 0 ? 0 : runWorths[best[listed - 1]]);
    }
}
