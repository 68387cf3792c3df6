package dev.refrain.jmh.eviction;

import dev.refrain.engine.internal.eviction.EvictionPolicy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Alternative policies, on segments like the store's. Each evicts the least valuable of a sample of 64 entries. All
 * remember every key that was ever requested, which a real cache could not.
 */
final class SampledCache implements Contender {
    enum Policy {
        /** Evicts the least recently used. */
        LRU,
        /**
         * Evicts the entry with the least hits x cost / (size x age), as in "Hyperbolic Caching" (Blankstein et al.,
         * USENIX ATC 2017).
         */
        HYPERBOLIC,
        /** The same, with admission by frequency (TinyLFU): a new entry must be more valuable than its victim. */
        HYPERBOLIC_TINY_LFU
    }

    private static final int CHUNK = 128;
    private static final int CHUNKS_PER_SEGMENT = 7_920;
    private static final int OVERHEAD = 34;

    private final Policy policy;
    private final Segment[] segments;
    private final Map<Long, Integer> frequencies = new HashMap<>();
    private final SplittableRandom random = new SplittableRandom(1);
    private int entries;
    private long now;
    private long halvedAt;

    SampledCache(Policy policy, long capacityBytes) {
        this.policy = policy;
        this.segments = new Segment[(int) (capacityBytes >> 20)];
        for (int i = 0; i < segments.length; i++) {
            segments[i] = new Segment();
        }
    }

    /** Chunks that an entry takes in the store. */
    static int chunks(int length) {
        return (length + OVERHEAD + CHUNK - 1) / CHUNK;
    }

    private static final class Segment {
        final Map<Long, Entry> byKey = new HashMap<>();
        final List<Entry> entries = new ArrayList<>();
        int used;
    }

    private static final class Entry {
        long key;
        int size;
        double value;
        long since;
        long last;
        int hits;
        int index;
    }

    @Override
    public boolean request(long key, int length, int cost) {
        now++;
        if (policy == Policy.HYPERBOLIC_TINY_LFU) {
            frequencies.merge(key, 1, (before, one) -> Math.min(15, before + one));
            if (now - halvedAt > 10L * Math.max(1_000, entries)) {
                halvedAt = now;
                frequencies.values().removeIf(frequency -> frequency == 1);
                frequencies.replaceAll((any, frequency) -> frequency / 2);
            }
        }
        Segment segment = segments[(int) Long.remainderUnsigned(Contender.mix(Contender.mix(key)), segments.length)];
        Entry found = segment.byKey.get(key);
        if (found != null) {
            found.hits++;
            found.last = now;
            return true;
        }
        Entry entry = new Entry();
        entry.key = key;
        entry.size = chunks(length);
        entry.value = EvictionPolicy.value(cost, entry.size);
        entry.since = now;
        entry.last = now;
        entry.hits = 1;
        if (entry.size <= CHUNKS_PER_SEGMENT && makeRoom(segment, entry)) {
            entry.index = segment.entries.size();
            segment.entries.add(entry);
            segment.byKey.put(key, entry);
            segment.used += entry.size;
            entries++;
        }
        return false;
    }

    private boolean makeRoom(Segment segment, Entry newcomer) {
        while (segment.used + newcomer.size > CHUNKS_PER_SEGMENT) {
            Entry worst = worst(segment);
            if (policy == Policy.HYPERBOLIC_TINY_LFU
                    && frequency(newcomer) * newcomer.value <= frequency(worst) * worst.value) {
                return false;
            }
            Entry last = segment.entries.remove(segment.entries.size() - 1);
            if (last != worst) {
                segment.entries.set(worst.index, last);
                last.index = worst.index;
            }
            segment.byKey.remove(worst.key);
            segment.used -= worst.size;
            entries--;
        }
        return true;
    }

    private int frequency(Entry entry) {
        return frequencies.getOrDefault(entry.key, 0);
    }

    private Entry worst(Segment segment) {
        Entry worst = null;
        double least = Double.POSITIVE_INFINITY;
        int count = segment.entries.size();
        for (int n = Math.min(count, EvictionPolicy.SAMPLE); n > 0; n--) {
            Entry entry = segment.entries.get(count <= EvictionPolicy.SAMPLE ? n - 1 : random.nextInt(count));
            double worth = policy == Policy.LRU ? entry.last : entry.hits * entry.value / (now - entry.since);
            if (worth < least) {
                worst = entry;
                least = worth;
            }
        }
        return worst;
    }
}
