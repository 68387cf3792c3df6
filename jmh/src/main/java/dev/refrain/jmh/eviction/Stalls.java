package dev.refrain.jmh.eviction;

import dev.refrain.engine.internal.store.ChronicleStore;
import dev.refrain.engine.internal.store.LockHoldTimes;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.HdrHistogram.AbstractHistogram;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;

/**
 * Measures how long callers wait while the store makes room: puts of twice the capacity, and reads during a sweep.
 * <pre>java -cp jmh/target/benchmarks.jar dev.refrain.jmh.eviction.Stalls [entries to sweep]</pre>
 */
public final class Stalls {
    private static final long CAPACITY = 256L << 20;
    private static final int SMALL = 32_768;
    private static final int MEDIUM = 1 << 20;
    private static final int LARGE = 16 << 20;

    private static final String[] KINDS = {"up to 32 KiB", "up to 1 MiB", "16 MiB", "all"};

    private static final int SECONDS = 10;
    private static final int ROUNDS = 5;

    private Stalls() {}

    public static void main(String[] arguments) throws Exception {
        int entries = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 1_000_000;
        puts(1);
        puts(2);
        if (entries > 0) {
            sweep(entries);
        }
    }

    private static byte[] key(long number) {
        ByteBuffer digest = ByteBuffer.allocate(CacheStore.KEY_LENGTH);
        for (int i = 0; i < 4; i++) {
            digest.putLong(Contender.mix(number * 4 + i));
        }
        return digest.array();
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
        try (Folder folder = new Folder();
                ChronicleStore store = ChronicleStore.open(folder.file(), CAPACITY, Clock.systemUTC())) {
            // The keys in use would fill twice the capacity, and that much is written before the measurement.
            int keys = (int) (2 * CAPACITY / 15_000);
            putSome(store, keys, 0, keys);
            List<Histogram> all = histograms(KINDS.length);
            ExecutorService pool = Executors.newFixedThreadPool(threads);
            List<Future<List<Histogram>>> results = new ArrayList<>();
            LockHolds holds = new LockHolds();
            store.observeHolds(holds);
            for (int thread = 1; thread <= threads; thread++) {
                int seed = thread;
                results.add(pool.submit(() -> putSome(store, keys, seed, 60_000)));
            }
            for (Future<List<Histogram>> result : results) {
                for (int kind = 0; kind < KINDS.length; kind++) {
                    all.get(kind).add(result.get().get(kind));
                }
            }
            pool.shutdown();
            head(threads + (threads == 1 ? " thread" : " threads") + " putting at twice the capacity");
            for (int kind = 0; kind < KINDS.length; kind++) {
                print(KINDS[kind], all.get(kind));
            }
            holds.print();
            System.out.println("\ndrops: " + store.stats().drops() + ", failures: "
                    + store.stats().failures());
        }
    }

    private static List<Histogram> histograms(int count) {
        return Stream.generate(() -> new Histogram(3)).limit(count).toList();
    }

    /** Puts entries, and returns their times by {@link #KINDS}. */
    private static List<Histogram> putSome(ChronicleStore store, int keys, int seed, int count) {
        SplittableRandom random = new SplittableRandom(seed);
        EntryBuffer entry = new EntryBuffer(LARGE);
        EntryBuffer found = new EntryBuffer(LARGE);
        List<Histogram> times = histograms(KINDS.length);
        for (int i = 0; i < count; i++) {
            int length = length(random);
            fill(entry, length, Long.MAX_VALUE);
            byte[] key = key(random.nextInt(keys));
            long start = System.nanoTime();
            store.put(key, entry);
            long nanos = System.nanoTime() - start;
            times.get(length <= SMALL ? 0 : length <= MEDIUM ? 1 : 2).recordValue(nanos);
            times.get(3).recordValue(nanos);
            store.get(key(random.nextInt(keys)), found);
        }
        return times;
    }

    private static void sweep(int entries) throws Exception {
        try (Folder folder = new Folder();
                ChronicleStore store =
                        ChronicleStore.open(folder.file(), entries * 1_300L + (16L << 20), Clock.systemUTC())) {
            for (int tenth = 0; tenth < 10; tenth++) {
                putTenth(store, entries, tenth);
            }
            // The first sweep is not measured: its code has not been compiled.
            reads(store, entries, 0, new Histogram(3));
            head(String.format(
                    Locale.ROOT,
                    "reads of %d entries, a tenth of which a sweep of %d s removes",
                    store.stats().entries(),
                    SECONDS));
            double[] ratios = new double[ROUNDS];
            LockHolds holds = new LockHolds();
            Histogram slices = new Histogram(3);
            for (int round = 1; round <= ROUNDS; round++) {
                putTenth(store, entries, round - 1);
                folder.force();
                Histogram quiet = reads(store, entries, -1, null);
                print("no sweep", quiet);
                store.observeHolds(holds);
                Histogram busy = reads(store, entries, round, slices);
                store.observeHolds(null);
                print("sweep", busy);
                ratios[round - 1] = (double) busy.getValueAtPercentile(99.9) / quiet.getValueAtPercentile(99.9);
            }
            print("slices", slices);
            holds.print();
            System.out.println("\np99.9 of reads during a sweep, times that without: " + Arrays.toString(ratios));
            System.out.printf(
                    Locale.ROOT,
                    "%d swept, %d expired left%n",
                    store.stats().expirations(),
                    store.stats().details().expiredBytes());
        }
    }

    /**
     * Puts a tenth of the entries. The entries of one tenth expire at the same time, before those of the next tenth.
     */
    private static void putTenth(ChronicleStore store, int entries, int tenth) {
        EntryBuffer entry = new EntryBuffer(1_024);
        fill(entry, 1_000, tenth + 1);
        for (int i = tenth; i < entries; i += 10) {
            store.put(key(i), entry);
        }
    }

    /**
     * Reads for {@link #SECONDS}, with a sweep in the background.
     *
     * @param tenth the tenth that the sweep removes, or -1 for no sweep
     * @param slices receives the time of each slice
     */
    private static Histogram reads(ChronicleStore store, int entries, int tenth, Histogram slices)
            throws InterruptedException {
        AtomicBoolean done = new AtomicBoolean();
        Thread sweeper = new Thread(() -> {
            int count = store.slices();
            long start = System.nanoTime();
            for (int slice = 0; slice < count && !done.get(); slice++) {
                for (long wait; (wait = start + slice * (SECONDS * 1_000_000_000L) / count - System.nanoTime()) > 0; ) {
                    LockSupport.parkNanos(wait);
                }
                long begin = System.nanoTime();
                store.sweep(tenth, slice);
                slices.recordValue(System.nanoTime() - begin);
            }
        });
        if (tenth >= 0) {
            sweeper.start();
        }
        Histogram times = new Histogram(3);
        SplittableRandom random = new SplittableRandom(7);
        EntryBuffer found = new EntryBuffer(1_024);
        long end = System.nanoTime() + SECONDS * 1_000_000_000L;
        long now;
        do {
            byte[] key = key(random.nextInt(entries));
            now = System.nanoTime();
            store.get(key, found);
            times.recordValue(System.nanoTime() - now);
        } while (now < end);
        done.set(true);
        sweeper.join();
        return times;
    }

    private static void head(String what) {
        System.out.printf("%n| %s | count | p50 us | p99 us | p99.9 us | max us |%n|---|---|---|---|---|---|%n", what);
    }

    private static void print(String what, AbstractHistogram nanos) {
        System.out.printf(
                Locale.ROOT,
                "| %s | %d | %.1f | %.1f | %.1f | %.1f |%n",
                what,
                nanos.getTotalCount(),
                nanos.getValueAtPercentile(50) / 1e3,
                nanos.getValueAtPercentile(99) / 1e3,
                nanos.getValueAtPercentile(99.9) / 1e3,
                nanos.getMaxValue() / 1e3);
    }

    /** Times for which locks are held, by purpose. */
    private static final class LockHolds implements LockHoldTimes.Observer {
        private final Map<LockHoldTimes.Work, AbstractHistogram> times = new EnumMap<>(LockHoldTimes.Work.class);

        LockHolds() {
            for (LockHoldTimes.Work work : LockHoldTimes.Work.values()) {
                times.put(work, new ConcurrentHistogram(3));
            }
        }

        @Override
        public void held(LockHoldTimes.Work work, long nanos) {
            times.get(work).recordValue(nanos);
        }

        void print() {
            times.forEach((work, nanos) -> {
                if (nanos.getTotalCount() > 0) {
                    Stalls.print("  lock held to " + work.name().toLowerCase(Locale.ROOT), nanos);
                }
            });
        }
    }

    /** A temporary folder, which is deleted when closed. */
    private static final class Folder implements AutoCloseable {
        private final Path path;

        Folder() throws IOException {
            path = Files.createTempDirectory("refrain-stalls");
        }

        Path file() {
            return path.resolve("answers.refrain");
        }

        /** Forces the file to disk, so that the kernel does not write it during a measurement. */
        void force() throws IOException {
            try (FileChannel channel = FileChannel.open(file(), StandardOpenOption.WRITE)) {
                channel.force(true);
            }
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
