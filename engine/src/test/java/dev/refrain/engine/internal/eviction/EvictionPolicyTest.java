package dev.refrain.engine.internal.eviction;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import java.util.function.IntToLongFunction;
import org.junit.jupiter.api.Test;

class EvictionPolicyTest {
    private static final int SEGMENTS = 16;
    private static final int ENTRIES = 200;

    private final EvictionPolicy policy = new EvictionPolicy((long) SEGMENTS * ENTRIES, SEGMENTS, SEGMENTS * ENTRIES);
    private final ModelCache[] segments = new ModelCache[SEGMENTS];

    {
        for (int i = 0; i < SEGMENTS; i++) {
            segments[i] = new ModelCache(policy, ENTRIES, policy::isGuarded);
        }
    }

    private static long hash(long key) {
        return new SplittableRandom(key).nextLong();
    }

    private boolean request(long key, int cost) {
        long hash = hash(key);
        ModelCache segment = segments[(int) Long.remainderUnsigned(hash(hash), SEGMENTS)];
        boolean found = segment.contains(hash);
        if (found) {
            policy.hit(hash, 1, cost);
        } else {
            policy.put(hash, 1, cost);
        }
        segment.access(hash, 1, EvictionPolicy.value(cost, 1));
        return found;
    }

    private double hitRatio(int requests, IntToLongFunction keys) {
        int hits = 0;
        for (int i = 0; i < requests; i++) {
            hits += request(keys.applyAsLong(i), 1) ? 1 : 0;
        }
        return (double) hits / requests;
    }

    /** LRU would have no hits here. */
    @Test
    void aLoopLargerThanTheCacheIsHeldInPart() {
        int loop = SEGMENTS * ENTRIES * 2;
        hitRatio(loop * 3, i -> i % loop);
        assertThat(hitRatio(loop * 3, i -> i % loop)).isGreaterThan(0.35);
        assertThat(policy.isGuarded()).isTrue();
    }

    /**
     * Each key is requested twice in short succession and never again. A filter that admits keys at their second
     * request would have no hits here.
     */
    @Test
    void keysThatAreRequestedTwiceInSuccessionAreKept() {
        int gap = SEGMENTS * ENTRIES / 2;
        IntToLongFunction keys = i -> i % 2 == 0 ? i : Math.max(0, i - 1 - 2L * (gap / 2));
        hitRatio(60_000, keys);
        assertThat(hitRatio(20_000, i -> keys.applyAsLong(i + 60_000))).isGreaterThan(0.45);
        assertThat(policy.isGuarded()).isFalse();
    }

    @Test
    void aScanDoesNotEvictPopularEntries() {
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 40_000; i++) {
            request(random.nextInt(1_000), 1);
        }
        for (int i = 0; i < SEGMENTS * ENTRIES * 3; i++) {
            request(1_000_000 + i, 1);
        }
        assertThat(hitRatio(1_000, i -> i)).isGreaterThan(0.6);
    }

    @Test
    void expensiveEntriesStayLonger() {
        SplittableRandom random = new SplittableRandom(1);
        int cheap = 0;
        int dear = 0;
        for (int i = 0; i < 100_000; i++) {
            int key = random.nextInt(SEGMENTS * ENTRIES * 2);
            boolean hit = request(key, key % 2 == 0 ? 10 : 1_000);
            if (i > 50_000 && hit) {
                cheap += key % 2 == 0 ? 1 : 0;
                dear += key % 2;
            }
        }
        assertThat(dear).isGreaterThan(cheap * 3);
    }

    @Test
    void aForgottenEntryIsWorthNothing() {
        for (int i = 0; i < 5; i++) {
            policy.hit(hash(1), 1, 1);
        }
        double before = policy.worth(policy.footprint(hash(1)), 1);
        assertThat(policy.forget(hash(1), false)).as("the first piece").isTrue();
        assertThat(policy.forget(hash(1), true)).as("the second one").isFalse();
        assertThat(policy.worth(policy.footprint(hash(1)), 1)).isLessThan(before / 1_000);
    }

    /** The tables for ten million entries of 2.5 KB. */
    @Test
    void memoryIsBounded() {
        assertThat(new Footprints(4L * 10_000_000).length() * 4L).isLessThan(200L << 20);
        assertThat(new Footprints(Long.MAX_VALUE).length() * 4L).isLessThan(200L << 20);
    }
}
