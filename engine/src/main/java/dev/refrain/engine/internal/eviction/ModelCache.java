package dev.refrain.engine.internal.eviction;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;

/**
 * A cache without content that evicts by {@link EvictionPolicy}. It serves as a shadow for {@link Duel}, and as a
 * segment of the simulated store in the comparison of policies. Unlike a real segment it needs no contiguous
 * room. Not thread-safe.
 */
public final class ModelCache {
    private final EvictionPolicy policy;
    private final long capacity;
    private final BooleanSupplier guarded;
    private final SplittableRandom random = new SplittableRandom(1);

    private final Map<Long, Entry> byHash = new HashMap<>();
    private final List<Entry> entries = new ArrayList<>();
    /** The latest entries; the last one is at {@code latestAt - 1}. */
    private final Entry[] latest = new Entry[EvictionPolicy.NEWCOMERS];

    private int latestAt;
    private long used;

    private static final class Entry {
        private final long hash;
        private final int size;
        private final double value;
        private int index;
        private int hits;

        Entry(long hash, int size, double value) {
            this.hash = hash;
            this.size = size;
            this.value = value;
        }
    }

    /** @param guarded returns whether the next eviction is in guarded mode */
    public ModelCache(EvictionPolicy policy, long capacity, BooleanSupplier guarded) {
        this.policy = policy;
        this.capacity = capacity;
        this.guarded = guarded;
    }

    /** Looks a key up, and puts it if it is missing. Returns whether it was found. */
    public boolean access(long hash, int size, double value) {
        Entry found = byHash.get(hash);
        if (found != null) {
            found.hits++;
            return true;
        }
        if (size <= capacity) {
            Entry entry = new Entry(hash, size, value);
            while (used + size > capacity) {
                evict();
            }
            add(entry);
        }
        return false;
    }

    public boolean contains(long hash) {
        return byHash.containsKey(hash);
    }

    private void evict() {
        boolean isGuarded = guarded.getAsBoolean();
        Entry challenger = isGuarded ? graduate() : null;
        Entry worst = null;
        double least = Double.POSITIVE_INFINITY;
        int count = entries.size();
        boolean all = count <= EvictionPolicy.SAMPLE;
        for (int i = 0; i < Math.min(count, EvictionPolicy.SAMPLE); i++) {
            Entry entry = entries.get(all ? i : random.nextInt(count));
            if (isGuarded && (entry == challenger || (count > latest.length && isLatest(entry)))) {
                continue;
            }
            double worth = policy.worth(policy.footprint(entry.hash), entry.hits, entry.value);
            if (worth < least) {
                worst = entry;
                least = worth;
            }
        }
        if (worst == null) {
            worst = challenger != null ? challenger : entries.get(0);
        } else if (challenger != null && claim(challenger) <= claim(worst)) {
            worst = challenger;
        }
        remove(worst);
    }

    private double claim(Entry entry) {
        return policy.claim(policy.footprint(entry.hash), entry.value);
    }

    /** Removes the oldest entry from {@link #latest} and returns it; null if it was evicted already. */
    private Entry graduate() {
        int oldest = latestAt % latest.length;
        Entry entry = latest[oldest];
        latest[oldest] = null;
        return entry;
    }

    private boolean isLatest(Entry entry) {
        for (Entry one : latest) {
            if (one == entry) {
                return true;
            }
        }
        return false;
    }

    private void add(Entry entry) {
        entry.index = entries.size();
        entries.add(entry);
        byHash.put(entry.hash, entry);
        used += entry.size;
        latest[latestAt++ % latest.length] = entry;
    }

    private void remove(Entry entry) {
        Entry last = entries.remove(entries.size() - 1);
        if (last != entry) {
            entries.set(entry.index, last);
            last.index = entry.index;
        }
        for (int i = 0; i < latest.length; i++) {
            if (latest[i] == entry) {
                latest[i] = null;
            }
        }
        byHash.remove(entry.hash);
        used -= entry.size;
    }
}
