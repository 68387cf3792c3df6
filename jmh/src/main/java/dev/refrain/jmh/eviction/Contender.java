package dev.refrain.jmh.eviction;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.refrain.engine.internal.eviction.EvictionPolicy;
import dev.refrain.engine.internal.eviction.ModelCache;
import dev.refrain.engine.internal.store.ChronicleStore;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Locale;

/** A cache of a given size in bytes, to be compared with others. */
interface Contender extends AutoCloseable {
    /** Looks up a key, and puts its answer on a miss. Returns whether it was a hit. */
    boolean request(long key, int length, int cost);

    @Override
    default void close() throws IOException {}

    /** A pseudo-random number derived from another (SplitMix64). */
    static long mix(long number) {
        long z = number * 0x9E3779B97F4A7C15L + 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** W-TinyLFU with an adaptive window, weighed by length; no overhead is charged for an entry. */
    static Contender caffeine(long capacityBytes) {
        Cache<Long, Integer> cache = Caffeine.newBuilder()
                .maximumWeight(capacityBytes)
                .weigher((Long key, Integer length) -> length)
                .executor(Runnable::run)
                .build();
        return (key, length, cost) -> {
            if (cache.getIfPresent(key) != null) {
                return true;
            }
            cache.put(key, length);
            return false;
        };
    }

    /**
     * The store's policy on segments that only count their chunks, without memory. Shows the policy without the effects
     * of fragmentation.
     */
    static Contender model(long capacityBytes) {
        int segments = (int) (capacityBytes >> 20);
        int chunks = 7_920;
        EvictionPolicy policy = new EvictionPolicy((long) segments * chunks, segments, (long) segments * chunks / 20);
        ModelCache[] caches = new ModelCache[segments];
        for (int i = 0; i < segments; i++) {
            caches[i] = new ModelCache(policy, chunks, policy::isGuarded);
        }
        return (key, length, cost) -> {
            // The store spreads the parts of a long entry over several segments; the model keeps it whole in one.
            int size = SampledCache.chunks(length);
            long hash = mix(key);
            ModelCache cache = caches[(int) Long.remainderUnsigned(mix(hash), segments)];
            boolean found = cache.contains(hash);
            if (found) {
                policy.hit(hash, size, cost);
            } else {
                policy.put(hash, size, cost);
            }
            cache.access(hash, size, EvictionPolicy.value(cost, size));
            return found;
        };
    }

    /** The store itself. Its whole file counts as its size. */
    static Contender store(long capacityBytes) throws IOException {
        Path folder = Files.createTempDirectory("refrain-eviction");
        Path file = folder.resolve("answers.refrain");
        ChronicleStore store = ChronicleStore.open(file, capacityBytes, Clock.systemUTC());
        return new Contender() {
            private final byte[] digest = new byte[CacheStore.KEY_LENGTH];
            private final ByteBuffer digestLongs = ByteBuffer.wrap(digest);
            private final EntryBuffer entry = new EntryBuffer(EntryHead.LENGTH);
            private final EntryBuffer found = new EntryBuffer(EntryHead.LENGTH);

            @Override
            public boolean request(long key, int length, int cost) {
                for (int i = 0; i < CacheStore.KEY_LENGTH; i += Long.BYTES) {
                    digestLongs.putLong(i, mix(key + i * 31L));
                }
                if (store.get(digest, found)) {
                    return true;
                }
                ByteBuffer.wrap(entry.resize(Math.max(EntryHead.LENGTH, length)))
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .put(4, (byte) 1)
                        .putLong(EntryHead.STORED_AT, 1)
                        .putLong(EntryHead.EXPIRES_AT, Long.MAX_VALUE)
                        .putInt(EntryHead.TOKENS, cost);
                store.put(digest, entry);
                return false;
            }

            @Override
            public void close() throws IOException {
                if (store.stats().failures() > 0) {
                    throw new IllegalStateException(String.format(
                            Locale.ROOT,
                            "The store failed %d times",
                            store.stats().failures()));
                }
                store.close();
                try (var files = Files.newDirectoryStream(folder)) {
                    for (Path one : files) {
                        Files.delete(one);
                    }
                }
                Files.delete(folder);
            }
        };
    }
}
