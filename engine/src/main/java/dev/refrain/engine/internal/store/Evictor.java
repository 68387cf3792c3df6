package dev.refrain.engine.internal.store;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.internal.eviction.EvictionPolicy;
import java.util.BitSet;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Chooses what has to go from a full segment so that there is room for one value in one piece. {@link EvictionPolicy} says what an
 * entry is worth; expired ones are worth nothing.
 *
 * <p>A sample of the segment's values is looked at, whatever their number. The cheapest of them is where room is made: it goes, and
 * with it as many of its neighbours as needed, always the one on the side that is worth less. If neighbours are needed, the same is
 * tried around the other cheap ones as well, and the run of values is taken that is worth least for its length.
 *
 * <p>Works under the segment's update lock, for 5 to 25 us: one pass over the lookup table, and some 100 ns for each value that is
 * looked at. Not thread-safe.
 */
final class Evictor {
    /** Places to make room at that are compared. */
    private static final int ANCHORS = 6;

    private final EvictionPolicy policy;
    private final Newcomers newcomers;

    private final int[] starts = new int[Layout.CHUNKS_PER_SEGMENT];
    private final BitSet isStart = new BitSet(Layout.CHUNKS_PER_SEGMENT);
    private final int[] anchors = new int[ANCHORS];
    private final double[] anchorWorths = new double[ANCHORS];
    private int anchorCount;

    private SegmentView view;
    private int segment;
    private long own;
    private long nowMillis;

    private int left;
    private int right;
    private double runWorth;

    private byte[] keys = new byte[8 * CacheKey.LENGTH];
    private long[] owners = new long[8];
    private boolean[] expired = new boolean[8];
    private int victims;

    Evictor(EvictionPolicy policy, Newcomers newcomers) {
        this.policy = policy;
        this.newcomers = newcomers;
    }

    /** How many values {@link #choose} chose. */
    int victims() {
        return victims;
    }

    void copyKey(int victim, byte[] into) {
        System.arraycopy(keys, victim * CacheKey.LENGTH, into, 0, CacheKey.LENGTH);
    }

    long owner(int victim) {
        return owners[victim];
    }

    boolean isExpired(int victim) {
        return expired[victim];
    }

    /**
     * Chooses values whose removal makes room.
     *
     * @param chunks the room that is needed
     * @param ownHash owner of what the room is for; nothing of the same owner is chosen
     */
    void choose(SegmentView locked, int segmentIndex, int chunks, long ownHash, long now) {
        view = locked;
        segment = segmentIndex;
        own = ownHash;
        nowMillis = now;
        victims = 0;
        int count = listStarts();
        boolean guarded = policy.isGuarded();
        int challenger = guarded ? challenger() : Newcomers.NONE;
        sample(count, guarded, challenger);
        if (challenger != Newcomers.NONE && (anchorCount == 0 || claim(challenger) <= claim(anchors[0]))) {
            anchorCount = 1;
            anchors[0] = challenger;
        }
        int best = -1;
        double least = Double.POSITIVE_INFINITY;
        for (int i = 0; i < anchorCount; i++) {
            if (grow(anchors[i], chunks) && runWorth < least) {
                best = i;
                least = runWorth;
            }
            if (best == 0 && isAlone(anchors[0])) {
                break;
            }
        }
        if (best >= 0 && grow(anchors[best], chunks)) {
            collect();
        }
    }

    private int listStarts() {
        isStart.clear();
        int count = 0;
        int slots = view.slots();
        for (int slot = 0; slot < slots; slot++) {
            int chunk = view.chunkAt(slot);
            if (chunk >= 0 && count < starts.length) {
                starts[count++] = chunk;
                isStart.set(chunk);
            }
        }
        return count;
    }

    /** The oldest newcomer, which has to show now that it is worth more than another. */
    private int challenger() {
        long oldest = newcomers.takeOldest(segment);
        if (oldest == Newcomers.NONE) {
            return Newcomers.NONE;
        }
        int chunk = Newcomers.chunk(oldest);
        if (!isStart.get(chunk) || !view.isSound(chunk)) {
            return Newcomers.NONE;
        }
        long owner = view.owner(chunk);
        return owner != own && Newcomers.isAt(oldest, owner, chunk) ? chunk : Newcomers.NONE;
    }

    /** Fills the anchors with the cheapest values of a sample, the cheapest one first. */
    private void sample(int count, boolean guarded, int challenger) {
        anchorCount = 0;
        boolean all = count <= EvictionPolicy.SAMPLE;
        ThreadLocalRandom random = ThreadLocalRandom.current();
        for (int n = Math.min(count, EvictionPolicy.SAMPLE); n > 0; n--) {
            int chunk = starts[all ? n - 1 : random.nextInt(count)];
            if (!view.isSound(chunk) || chunk == challenger) {
                continue;
            }
            long owner = view.owner(chunk);
            if (owner == own
                    || (guarded && count > EvictionPolicy.NEWCOMERS && newcomers.contains(segment, owner, chunk))) {
                continue;
            }
            offer(chunk, worth(chunk, owner));
        }
    }

    private void offer(int chunk, double worth) {
        int at = anchorCount;
        while (at > 0 && anchorWorths[at - 1] > worth) {
            at--;
        }
        if (at < ANCHORS) {
            int moved = Math.min(anchorCount, ANCHORS - 1) - at;
            System.arraycopy(anchors, at, anchors, at + 1, moved);
            System.arraycopy(anchorWorths, at, anchorWorths, at + 1, moved);
            anchors[at] = chunk;
            anchorWorths[at] = worth;
            anchorCount = Math.min(anchorCount + 1, ANCHORS);
        }
    }

    private double worth(int chunk, long owner) {
        return view.expiresAt(chunk) <= nowMillis ? 0 : policy.worth(policy.footprint(owner), value(chunk));
    }

    private double claim(int chunk) {
        return view.expiresAt(chunk) <= nowMillis ? 0 : policy.claim(policy.footprint(view.owner(chunk)), value(chunk));
    }

    private double value(int chunk) {
        return EvictionPolicy.value(view.cost(chunk), Stake.chunks(view.total(chunk)));
    }

    /**
     * Sets {@link #left}, {@link #right} and {@link #runWorth} to a run around a value that is long enough. Returns false if there is
     * none that leaves its own alone.
     */
    private boolean grow(int anchor, int chunks) {
        left = anchor;
        right = anchor + view.chunks(anchor);
        double sum = worth(anchor, view.owner(anchor)) * (right - left);
        while (true) {
            while (left > 0 && view.isFree(left - 1)) {
                left--;
            }
            right = right < Layout.CHUNKS_PER_SEGMENT ? view.endOfFree(right) : right;
            if (right - left >= chunks) {
                runWorth = sum / (right - left);
                return true;
            }
            int before = left > 0 ? isStart.previousSetBit(left - 1) : -1;
            int after = right < Layout.CHUNKS_PER_SEGMENT && isStart.get(right) ? right : -1;
            double worthBefore = neighbour(before);
            double worthAfter = neighbour(after);
            if (worthBefore == Double.POSITIVE_INFINITY && worthAfter == Double.POSITIVE_INFINITY) {
                return false;
            }
            if (worthBefore <= worthAfter) {
                sum += worthBefore * (left - before);
                left = before;
            } else {
                int length = view.chunks(after);
                sum += worthAfter * length;
                right += length;
            }
        }
    }

    private double neighbour(int chunk) {
        if (chunk < 0 || !view.isSound(chunk)) {
            return Double.POSITIVE_INFINITY;
        }
        long owner = view.owner(chunk);
        return owner == own ? Double.POSITIVE_INFINITY : worth(chunk, owner);
    }

    private boolean isAlone(int anchor) {
        return isStart.nextSetBit(left) == anchor && isStart.get(anchor) && isLastBefore(anchor, right);
    }

    private boolean isLastBefore(int anchor, int end) {
        int next = isStart.nextSetBit(anchor + 1);
        return next < 0 || next >= end;
    }

    private void collect() {
        for (int chunk = isStart.nextSetBit(left); chunk >= 0 && chunk < right; chunk = isStart.nextSetBit(chunk + 1)) {
            if (victims == owners.length) {
                keys = java.util.Arrays.copyOf(keys, keys.length * 2);
                owners = java.util.Arrays.copyOf(owners, victims * 2);
                expired = java.util.Arrays.copyOf(expired, victims * 2);
            }
            view.copyKey(chunk, keys, victims * CacheKey.LENGTH);
            owners[victims] = view.owner(chunk);
            expired[victims++] = view.expiresAt(chunk) <= nowMillis;
        }
    }
}
