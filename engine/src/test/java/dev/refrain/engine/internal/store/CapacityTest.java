package dev.refrain.engine.internal.store;

import static dev.refrain.engine.internal.store.TestEntries.NEVER;
import static dev.refrain.engine.internal.store.TestEntries.entry;
import static dev.refrain.engine.internal.store.TestEntries.isGenuine;
import static dev.refrain.engine.internal.store.TestEntries.key;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.StoreStats;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Capacity: the limit holds, a full store goes on taking entries, and expired entries make room. */
class CapacityTest {
    private static final long CAPACITY = 64L << 20;
    private static final Clock CLOCK = Clock.fixed(Instant.ofEpochMilli(5_000), ZoneOffset.UTC);

    @TempDir
    Path directory;

    private final EntryBuffer found = new EntryBuffer(16);

    private ChronicleStore open(long capacity) throws IOException {
        return ChronicleStore.open(directory.resolve("answers.refrain"), capacity, CLOCK);
    }

    /** A random length: mostly a few KB, like answers, but half of all bytes are in large entries. */
    private static int mixedLength(SplittableRandom random) {
        return random.nextInt(100) == 0 ? random.nextInt(50_000, 1 << 20) : random.nextInt(200, 10_000);
    }

    @Test
    void anOverfilledStoreKeepsRequestedEntries() throws IOException {
        SplittableRandom random = new SplittableRandom(1);
        try (ChronicleStore store = open(CAPACITY)) {
            long written = 0;
            int wanted = 200;
            int count = 0;
            while (written < 3 * CAPACITY) {
                int length = mixedLength(random);
                assertThat(store.put(key(count), entry(count, 0, length, 1_000 + count, NEVER)))
                        .as("entry %s of %s bytes", count, length)
                        .isTrue();
                assertThat(store.get(key(count), found))
                        .as("entry %s, at once", count)
                        .isTrue();
                assertThat(isGenuine(count, found)).isTrue();
                written += length;
                count++;
                for (int i = count % 10; i < wanted; i += 10) {
                    store.get(key(i), found);
                }
            }
            int kept = 0;
            for (int i = 0; i < wanted; i++) {
                kept += store.get(key(i), found) ? 1 : 0;
            }
            assertThat(kept)
                    .as("kept, of the %s entries that were looked up all the time", wanted)
                    .isGreaterThan(wanted * 95 / 100);
            StoreStats stats = store.stats();
            assertThat(stats.bytes()).isBetween(CAPACITY * 70 / 100, CAPACITY);
            assertThat(stats.evictions()).isPositive();
            assertThat(stats.drops()).isZero();
            assertThat(stats.failures()).isZero();
        }
        assertThat(diskUse()).isLessThan(CAPACITY * 11 / 10);
    }

    /**
     * Writes entries whose lengths are between 200 B and a quarter of the capacity; half of the bytes are in entries of
     * more than 1 MiB.
     */
    private void overwrite(ChronicleStore store, int capacity, SplittableRandom random) {
        long written = 0;
        for (int step = 0; written < 2L * capacity; step++) {
            int length = random.nextInt(1_000) == 0 ? random.nextInt(1 << 20, capacity / 4) : mixedLength(random);
            int key = random.nextInt(5_000);
            assertThat(store.put(key(key), entry(key, step, length, step, NEVER)))
                    .isTrue();
            assertThat(store.get(key(key), found)).isTrue();
            written += length;
        }
    }

    /**
     * The capacity bounds the map and all files beside it: under any load, after damage, and after a change of size.
     */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theDiskIsNotUsedForMoreThanTheCapacity(boolean preallocate) throws Exception {
        Path file = directory.resolve("answers.refrain");
        SplittableRandom random = new SplittableRandom(1);
        for (boolean isDamaged : new boolean[] {false, true}) {
            if (isDamaged) {
                try (RandomAccessFile map = new RandomAccessFile(file.toFile(), "rw")) {
                    map.write(new byte[40]);
                }
            }
            try (ChronicleStore store = ChronicleStore.open(file, CAPACITY, CLOCK, true, preallocate)) {
                overwrite(store, (int) CAPACITY, random);
                assertThat(allocated()).isBetween(CAPACITY * 80 / 100, CAPACITY * 110 / 100);
            }
        }
        assertThat(directory).isDirectoryContaining("glob:**.damaged-*");
        try (ChronicleStore store = ChronicleStore.open(file, CAPACITY / 2, CLOCK, true, preallocate)) {
            overwrite(store, (int) CAPACITY / 2, random);
            assertThat(allocated()).isBetween(CAPACITY * 40 / 100, CAPACITY * 55 / 100);
        }
    }

    /** The bytes allocated on disk, holes not counted. */
    private long allocated() throws Exception {
        Process du = new ProcessBuilder("du", "-s", "--block-size=1", directory.toString()).start();
        try (var out = du.inputReader()) {
            return Long.parseLong(out.readLine().replaceFirst("\\s.*", ""));
        }
    }

    @Test
    void smallEntriesFillTheStoreAsWell() throws IOException {
        int count = 120_000;
        try (ChronicleStore store = open(16L << 20)) {
            for (int i = 0; i < count; i++) {
                assertThat(store.put(key(i), entry(i, 0, 80, 1_000 + i, NEVER))).isTrue();
            }
            assertThat(store.stats().entries()).isGreaterThan(60_000);
            assertThat(store.stats().failures()).isZero();
            assertThat(store.get(key(count - 1), found)).isTrue();
        }
    }

    @Test
    void expiredEntriesGoBeforeOlderOnes() throws IOException {
        try (ChronicleStore store = open(16L << 20)) {
            for (int i = 0; i < 1_000; i++) {
                store.put(key(i), entry(i, 0, 2_000, 1, NEVER));
            }
            // Stored last, but expired: a third of the capacity, and more than the rest of the test needs.
            for (int i = 1_000; i < 4_000; i++) {
                store.put(key(i), entry(i, 0, 2_000, 4_999, 5_000));
            }
            for (int i = 4_000; i < 9_000; i++) {
                store.put(key(i), entry(i, 0, 2_000, 4_000, NEVER));
            }
            assertThat(store.stats().evictions()).isPositive();
            for (int i = 0; i < 1_000; i++) {
                assertThat(store.get(key(i), found)).as("key %s", i).isTrue();
            }
        }
    }

    @Test
    void roomFreedByASweepIsUsedAgain() throws IOException {
        // More than half of the capacity, but little enough that no segment is likely to be full.
        int count = 4_000;
        try (ChronicleStore store = open(16L << 20)) {
            for (int round = 0; round < 3; round++) {
                for (int i = 0; i < count; i++) {
                    store.put(key(i), entry(i, round, 1_800, round, round + 1));
                }
                store.put(key(count), entry(count, round, 2 << 20, round, round + 1));
                assertThat(store.stats().evictions()).isZero();
                assertThat(store.sweep(round + 1)).isEqualTo(count + 1);
                assertThat(store.stats().bytes()).isZero();
            }
        }
    }

    @Test
    void anEntryTooLargeForTheStoreIsDropped() throws IOException {
        try (ChronicleStore store = open(16L << 20)) {
            store.put(key(1), entry(1, 0, 200));
            store.put(key(2), entry(2, 0, 200));
            assertThat(store.put(key(1), entry(1, 0, 8 << 20))).isFalse();
            assertThat(store.get(key(1), found)).as("the older entry").isFalse();
            assertThat(store.get(key(2), found)).isTrue();
            assertThat(store.stats().drops()).isEqualTo(1);
            assertThat(store.stats().entries()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {16L << 20, 64L << 20, (100L << 20) + 12_345, 1L << 30})
    void theFileIsAsLargeAsTheCapacity(long capacity) throws IOException {
        try (ChronicleStore store = open(capacity)) {
            assertThat(store.stats().capacityBytes()).isEqualTo(capacity);
        }
        assertThat(diskUse()).isBetween(capacity * 90 / 100, capacity);
    }

    /** A test cannot write twenty gigabytes, so this one computes the geometry that the test above has confirmed. */
    @Test
    void aLargeStoreKeepsToItsCapacity() throws IOException {
        long capacity = 20L << 30;
        open(256L << 20).close();
        long perSegment = Files.size(directory.resolve("answers.refrain")) / 256;
        assertThat(perSegment * Layout.segments(capacity)).isBetween(capacity * 90 / 100, capacity * 110 / 100);
    }

    @Test
    void aCapacityTooSmallIsRefused() {
        assertThatThrownBy(() -> open((16L << 20) - 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("16 MiB");
    }

    private long diskUse() throws IOException {
        long sum = 0;
        try (var files = Files.list(directory)) {
            for (Path file : files.toList()) {
                sum += Files.size(file);
            }
        }
        return sum;
    }
}
