package dev.refrain.jmh.eviction;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.Endpoint;
import dev.refrain.engine.internal.store.ChronicleStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * How long callers wait for a store that is busy making room: puts at twice the capacity, and reads during a sweep.
 * <pre>java -cp jmh/target/benchmarks.jar dev.refrain.jmh.eviction.Stalls [entries to sweep]</pre>
 */
public final class Stalls {
    private static final ThreadMXBean CPU = ManagementFactory.getThreadMXBean();
    private static final long CAPACITY = 256L << 20;
    private static final int SMALL = 32_768;
    private static final int MEDIUM = 1 << 20;
    private static final int LARGE = 16 << 20;

    private Stalls() {}

    public static void main(String[] arguments) throws Exception {
        int entries = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 1_000_000;
        System.out.println("| puts at twice the capacity | count | p50 us | p99 us | p99.9 us | max us |");
        System.out.println("|---|---|---|---|---|---|");
        puts(1);
        puts(2);
        sweep(entries);
    }

    private static CacheKey key(long number) {
        ByteBuffer digest = ByteBuffer.allocate(CacheKey.LENGTH);
        for (int i = 0; i < 4; i++) {
            digest.putLong(Contender.mix(number * 4 + i));
        }
        return new CacheKey(Endpoint.CHAT, false, digest.array(), 0);
    }

    private static void fill(EntryBuffer entry, int length, long expiresAt) {
        ByteBuffer.wrap(entry.resize(length))
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(4, (byte) 2)
                .putLong(EntryHead.STORED_AT, 1)
                .putLong(EntryHead.EXPIRES_AT, expiresAt)
                .putInt(EntryHead.TOKENS, 500);
    }

    /** Answers of a few KB; one in a hundred is up to 1 MiB, one in 4,000 is 16 MiB. */
    private static int length(SplittableRandom random) {
        int kind = random.nextInt(4_000);
        return kind == 0 ? LARGE : kind <= 40 ? random.nextInt(SMALL, MEDIUM) : random.nextInt(200, 12_000);
    }

    private static void puts(int threads) throws Exception {
        try (Folder folder = new Folder()) {
            ChronicleStore store = ChronicleStore.open(folder.file(), CAPACITY, Clock.systemUTC());
            // Twice the capacity has been written before anything is measured, and twice the capacity of keys is in
            // use.
            int keys = (int) (2 * CAPACITY / 15_000);
            putSome(store, keys, 0, keys);
            List<long[]> all = new ArrayList<>();
            ExecutorService pool = Executors.newFixedThreadPool(threads);
            List<Future<List<long[]>>> results = new ArrayList<>();
            for (int thread = 1; thread <= threads; thread++) {
                int seed = thread;
                results.add(pool.submit(() -> putSome(store, keys, seed, 60_000)));
            }
            for (Future<List<long[]>> result : results) {
                all.addAll(result.get());
            }
            pool.shutdown();
            for (int kind = 0; kind < 3; kind++) {
                int one = kind;
                print(
                        threads + " thread, " + new String[] {"up to 32 KiB", "up to 1 MiB", "16 MiB"}[kind],
                        all.stream()
                                .filter(put -> put[0] == one)
                                .mapToLong(put -> put[1])
                                .toArray());
            }
            print(
                    threads + " thread, all",
                    all.stream().mapToLong(put -> put[1]).toArray());
            System.out.println("drops: " + store.stats().drops() + ", failures: "
                    + store.stats().failures());
            store.close();
        }
    }

    /** Returns the kind of length, the time and the processor time of each put. */
    private static List<long[]> putSome(ChronicleStore store, int keys, int seed, int count) {
        SplittableRandom random = new SplittableRandom(seed);
        EntryBuffer entry = new EntryBuffer(LARGE);
        EntryBuffer found = new EntryBuffer(LARGE);
        List<long[]> times = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int length = length(random);
            fill(entry, length, Long.MAX_VALUE);
            CacheKey key = key(random.nextInt(keys));
            long cpu = CPU.getCurrentThreadCpuTime();
            long start = System.nanoTime();
            store.put(key, entry);
            long wall = System.nanoTime() - start;
            int kind = length <= SMALL ? 0 : length <= MEDIUM ? 1 : 2;
            times.add(new long[] {kind, wall, CPU.getCurrentThreadCpuTime() - cpu});
            store.get(key(random.nextInt(keys)), found);
        }
        return times;
    }

    private static void sweep(int entries) throws Exception {
        try (Folder folder = new Folder()) {
            ChronicleStore store =
                    ChronicleStore.open(folder.file(), entries * 1_300L + (16L << 20), Clock.systemUTC());
            EntryBuffer entry = new EntryBuffer(1_024);
            for (int i = 0; i < entries; i++) {
                // A tenth expires.
                fill(entry, 1_000, i % 10 == 0 ? 1 : Long.MAX_VALUE);
                store.put(key(i), entry);
            }
            System.out.printf(
                    Locale.ROOT,
                    "%n%d entries, sweeps spread over 10 s%n%n",
                    store.stats().entries());
            System.out.println("| reads | count | p50 us | p99 us | p99.9 us | max us |");
            System.out.println("|---|---|---|---|---|---|");
            print("warming up", reads(store, entries, null));
            for (int round = 0; round < 3; round++) {
                print("no sweep", reads(store, entries, null));
                List<Long> slices = new ArrayList<>();
                print("sweep", reads(store, entries, slices));
                // A lock is held for a part of that.
                print("  its slices", slices.stream().mapToLong(Long::longValue).toArray());
            }
            System.out.printf(
                    Locale.ROOT,
                    "%nlongest hold of a lock %d us, %d swept, %d expired left%n",
                    store.stats().details().longestHoldNanos() / 1_000,
                    store.stats().expirations(),
                    store.stats().details().expiredBytes());
            store.close();
        }
    }

    /** Reads for ten seconds, with a sweep in the background that notes how long its slices take, unless there is nowhere to note it. */
    private static long[] reads(ChronicleStore store, int entries, List<Long> slices) throws InterruptedException {
        AtomicBoolean done = new AtomicBoolean();
        Thread sweeper = new Thread(() -> {
            int count = store.slices();
            long start = System.nanoTime();
            for (int slice = 0; slice < count && !done.get(); slice++) {
                while (System.nanoTime() - start < slice * 10_000_000_000L / count) {
                    java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
                }
                long begin = System.nanoTime();
                store.sweep(2, slice);
                slices.add(System.nanoTime() - begin);
            }
        });
        if (slices != null) {
            sweeper.start();
        }
        long[] times = new long[20_000_000];
        int count = 0;
        SplittableRandom random = new SplittableRandom(7);
        EntryBuffer found = new EntryBuffer(1_024);
        long end = System.nanoTime() + 10_000_000_000L;
        long now;
        do {
            CacheKey key = key(random.nextInt(entries));
            now = System.nanoTime();
            store.get(key, found);
            times[count++] = System.nanoTime() - now;
        } while (now < end && count < times.length);
        done.set(true);
        if (slices != null) {
            sweeper.join();
        }
        return Arrays.copyOf(times, count);
    }

    private static void print(String what, long[] nanos) {
        Arrays.sort(nanos);
        System.out.printf(
                Locale.ROOT,
                "| %s | %d | %.1f | %.1f | %.1f | %.1f |%n",
                what,
                nanos.length,
                at(nanos, 0.5),
                at(nanos, 0.99),
                at(nanos, 0.999),
                at(nanos, 1));
    }

    private static double at(long[] sorted, double share) {
        return sorted.length == 0 ? 0 : sorted[(int) Math.min(sorted.length - 1, sorted.length * share)] / 1_000.0;
    }

    /** A folder that is gone afterwards. */
    private static final class Folder implements AutoCloseable {
        private final Path path;

        Folder() throws IOException {
            path = Files.createTempDirectory("refrain-stalls");
        }

        Path file() {
            return path.resolve("answers.refrain");
        }

        @Override
        public void close() throws IOException {
            try (var files = Files.newDirectoryStream(path)) {
                for (Path one : files) {
                    Files.delete(one);
                }
            }
            Files.delete(path);
        }
    }
}
