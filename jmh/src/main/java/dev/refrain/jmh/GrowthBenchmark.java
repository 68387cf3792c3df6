package dev.refrain.jmh;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CachedResponse;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * Measures lookups, puts and the heap as a store grows. A program of its own, because its longest run takes minutes and
 * 10 GB of disk. Prints one line for each number of entries.
 *
 * <p>Answers are short, so that ten million fit. Their keys are derived from their numbers. {@code 3000000:100000}
 * looks up only 100,000 of three million entries, with the popularity of a store of that size: this shows the cost of a
 * longer store without the cost of a larger working set.
 */
public final class GrowthBenchmark {
    private static final int LOOKUPS = 2_000_000;
    private static final int PUTS = 200_000;
    private static final double EXPONENT = 0.99;
    /** A tenth more than an entry takes, so that none is evicted. */
    private static final int BYTES_PER_ENTRY = 1000;

    private static final int ROUND = 10_000;

    private GrowthBenchmark() {}

    /**
     * Measures a store of each length.
     *
     * @param args the numbers of entries, in ascending order, each optionally followed by a colon and how many of them
     *     are looked up
     */
    public static void main(String[] args) throws IOException {
        String[] sizes = args.length == 0 ? new String[] {"100000", "1000000", "10000000"} : args;
        System.out.println(
                "| entries | lookup p50 / p99 ns | put, not full, p50 / p99 ns | put that evicts, p50 / p99 ns | heap "
                        + "MiB |");
        System.out.println("|---|---|---|---|---|");
        for (String size : sizes) {
            int colon = size.indexOf(':');
            int entries = Integer.parseInt(colon < 0 ? size : size.substring(0, colon));
            System.out.println(measure(entries, colon < 0 ? entries : Integer.parseInt(size.substring(colon + 1))));
        }
    }

    private static String measure(int entries, int asked) throws IOException {
        try (TemporaryCache temporary = new TemporaryCache(Math.max(32L << 20, (long) entries * BYTES_PER_ENTRY))) {
            ResponseCache cache = temporary.cache();
            byte[] answer = answer();
            int timed = Math.min(entries / 2, PUTS);
            for (int i = 0; i < entries - timed; i++) {
                put(cache, i, answer);
            }
            System.err.println("filled with " + (entries - timed));
            long[] puts = puts(cache, entries - timed, timed, answer);
            long stored = cache.admin().stats().store().entries();
            System.gc();
            long heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
            long[] lookups = lookups(cache, entries, asked);
            long next = fillUp(cache, entries, answer);
            System.err.println("full");
            long[] evicting = puts(cache, next, PUTS, answer);
            System.err.println("measured " + stored);
            return String.format(
                    Locale.ROOT,
                    "| %,d | %s | %s | %s | %d |",
                    stored,
                    percentiles(lookups),
                    percentiles(puts),
                    percentiles(evicting),
                    heap >> 20);
        }
    }

    /** Puts until nearly every put evicts: segments fill up at different times. Returns the next number. */
    private static long fillUp(ResponseCache cache, long from, byte[] answer) {
        long next = from;
        long before;
        do {
            before = cache.admin().stats().store().evictions();
            for (int i = 0; i < ROUND; i++) {
                put(cache, next++, answer);
            }
        } while (cache.admin().stats().store().evictions() - before < ROUND * 9L / 10);
        return next;
    }

    private static long[] puts(ResponseCache cache, long from, int count, byte[] answer) {
        long[] nanos = new long[count];
        for (int i = 0; i < count; i++) {
            nanos[i] = put(cache, from + i, answer);
        }
        return nanos;
    }

    private static long[] lookups(ResponseCache cache, int entries, int asked) {
        CachedResponse response = new CachedResponse();
        SplittableRandom random = new SplittableRandom(1);
        long[] nanos = new long[LOOKUPS];
        // Once to warm up, once to measure.
        for (int i = -LOOKUPS; i < LOOKUPS; i++) {
            // Scattered, so that popular entries are not the first that were stored.
            CacheKey key = key(zipf(random, asked) * 7_919 % entries);
            long start = System.nanoTime();
            cache.lookup(key, response);
            if (i >= 0) {
                nanos[i] = System.nanoTime() - start;
            }
        }
        return nanos;
    }

    private static long put(ResponseCache cache, long number, byte[] answer) {
        CacheKey key = key(number);
        long start = System.nanoTime();
        cache.store(key, ChatAnswers.CONTENT_TYPE, answer, CacheControls.MAX_TTL);
        return System.nanoTime() - start;
    }

    private static byte[] answer() {
        return ("{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1767225600,\"model\":\"m\","
                        + "\"choices\":[{\"index\":0,"
                        + "\"message\":{\"role\":\"assistant\",\"content\":\"" + EnglishText.of(1, 600)
                        + "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"total_tokens\":150}}")
                .getBytes(StandardCharsets.US_ASCII);
    }

    /** Zipf's law by inversion of the continuous distribution, which is close enough for ranks beyond the first few. */
    private static long zipf(SplittableRandom random, int asked) {
        double exponent = 1 - EXPONENT;
        double x = Math.pow(random.nextDouble() * (Math.pow(asked + 1.0, exponent) - 1) + 1, 1 / exponent);
        return (long) x - 1;
    }

    private static CacheKey key(long number) {
        byte[] digest = new byte[CacheKey.LENGTH];
        SplittableRandom random = new SplittableRandom(number);
        random.nextBytes(digest);
        return new CacheKey(Endpoint.CHAT, false, digest, 0);
    }

    private static String percentiles(long[] nanos) {
        Arrays.sort(nanos);
        return String.format(Locale.ROOT, "%,d / %,d", nanos[nanos.length / 2], nanos[(int) (nanos.length * 0.99)]);
    }
}
