package dev.refrain.engine.internal.store;

import static dev.refrain.engine.internal.store.TestEntries.NEVER;
import static dev.refrain.engine.internal.store.TestEntries.entry;
import static dev.refrain.engine.internal.store.TestEntries.isGenuine;
import static dev.refrain.engine.internal.store.TestEntries.key;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.testing.CapturedLog;
import dev.refrain.testing.MovableClock;
import dev.refrain.testing.SmallDisk;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * A disk that is too small, or that other programs fill, and files that vanish: nothing breaks, and one line is logged.
 */
class DiskFaultsTest {
    private static final long CAPACITY = 16L << 20;
    private static final int LENGTH = 100_000;

    @TempDir
    Path directory;

    private final MovableClock clock = new MovableClock();
    private final CapturedLog log = new CapturedLog(ChronicleStore.class.getName());
    private final EntryBuffer found = new EntryBuffer(16);
    private long storedAt = 1_000;

    @AfterEach
    void closeLog() {
        log.close();
    }

    private SmallDisk disk(int mebibytes) throws IOException {
        return new SmallDisk(directory.resolve("disk"), mebibytes);
    }

    private ChronicleStore open(Path file, long capacity, boolean preallocate) throws IOException {
        return ChronicleStore.open(file, capacity, clock, true, preallocate);
    }

    /** Puts entries of twice the capacity in total. Returns how many were stored; the store refused all others. */
    private int overfill(ChronicleStore store, long capacity) {
        int stored = 0;
        for (int i = 0; i < 2 * capacity / LENGTH; i++) {
            boolean isStored = store.put(key(i), entry(i, 0, LENGTH, storedAt++, NEVER));
            assertThat(store.get(key(i), found)).isEqualTo(isStored);
            if (isStored) {
                assertThat(isGenuine(i, found)).isTrue();
                stored++;
            }
        }
        return stored;
    }

    @Test
    void aPreallocatedStoreDoesNotMindAFullDisk() throws Exception {
        try (SmallDisk disk = disk(24);
                ChronicleStore store = open(disk.resolve("answers"), CAPACITY, true)) {
            assertThat(disk.free()).isLessThan((24L << 20) - CAPACITY * 95 / 100);
            disk.fill(0);
            assertThat(overfill(store, CAPACITY)).isEqualTo((int) (2 * CAPACITY / LENGTH));
            assertThat(store.stats().evictions()).isPositive();
            assertThat(store.stats().drops()).isZero();
            assertThat(store.stats().failures()).isZero();
            assertThat(log.lines()).isEmpty();
        }
    }

    @Test
    void aSparseStoreStopsBeforeTheDiskIsFullAndGoesOnWhenThereIsRoom() throws Exception {
        try (SmallDisk disk = disk(40);
                ChronicleStore store = open(disk.resolve("answers"), 2 * CAPACITY, false)) {
            assertThat(log.lines()).singleElement().asString().contains("sparse", "may still grow by");
            Path filler = disk.fill(DiskSpace.MARGIN + (4 << 20));
            int stored = overfill(store, CAPACITY);
            assertThat(stored).isBetween(20, 60);
            assertThat(disk.free()).isGreaterThan(DiskSpace.MARGIN - (4 << 20));
            assertThat(store.stats().drops()).isEqualTo(2 * CAPACITY / LENGTH - stored);
            assertThat(store.stats().failures()).isZero();
            assertThat(store.get(key(0), found)).isTrue();
            assertThat(log.lines()).hasSize(2);
            assertThat(log.lines().get(1)).startsWith("WARNING").contains("stores nothing for now");

            Files.delete(filler);
            assertThat(store.put(key(1), entry(1, 1, LENGTH)))
                    .as("free space is looked at only once a second")
                    .isFalse();
            assertThat(store.get(key(1), found)).as("never the older entry").isFalse();
            clock.advance(Duration.ofSeconds(1));
            assertThat(store.put(key(1), entry(1, 1, LENGTH))).isTrue();
            assertThat(log.lines()).hasSize(3);
            assertThat(log.lines().get(2)).contains("stores answers again");
        }
    }

    @Test
    void aCapacityThatDoesNotFitOnTheDiskSaysWhatIsNeeded() throws Exception {
        try (SmallDisk disk = disk(24)) {
            assertThatThrownBy(() -> open(disk.resolve("answers"), 2 * CAPACITY, true))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("it needs 335")
                    .hasMessageContaining("bytes, and 2515")
                    .hasMessageContaining("configure a lower capacity");
            assertThat(disk.free()).isGreaterThan(CAPACITY);
            open(disk.resolve("answers"), CAPACITY, true).close();
        }
    }

    @Test
    void aSparseStoreIsAllocatedWhenThatIsAskedForLater() throws Exception {
        try (SmallDisk disk = disk(40)) {
            Path file = disk.resolve("answers");
            try (ChronicleStore store = open(file, CAPACITY, false)) {
                store.put(key(1), entry(1, 0, LENGTH));
            }
            Path filler = disk.fill(DiskSpace.MARGIN / 2);
            try (ChronicleStore store = open(file, CAPACITY, true)) {
                assertThat(store.get(key(1), found)).isTrue();
                assertThat(log.lines()).anySatisfy(line -> assertThat(line).contains("stays sparse: it needs"));
                assertThat(store.put(key(2), entry(2, 0, 2 << 20))).isFalse();
                assertThat(store.stats().failures()).isZero();
            }
            Files.delete(filler);
            for (boolean preallocate : new boolean[] {true, false}) {
                try (ChronicleStore store = open(file, CAPACITY, preallocate)) {
                    disk.fill(0);
                    assertThat(overfill(store, CAPACITY))
                            .as("a store that is allocated stays allocated")
                            .isEqualTo((int) (2 * CAPACITY / LENGTH));
                }
            }
        }
    }

    @Test
    void aDamagedStoreIsNotKeptIfTheDiskHasNoRoomForIt() throws Exception {
        try (SmallDisk disk = disk(24)) {
            Path file = disk.resolve("answers");
            open(file, CAPACITY, true).close();
            try (RandomAccessFile header = new RandomAccessFile(file.toFile(), "rw")) {
                header.write(new byte[40]);
            }
            disk.fill(CAPACITY / 80);
            try (ChronicleStore store = open(file, CAPACITY, true)) {
                assertThat(store.put(key(1), entry(1, 0, LENGTH))).isTrue();
            }
            assertThat(disk.resolve(".")).isDirectoryNotContaining("glob:**.damaged-*");
            assertThat(log.lines()).hasSize(2);
            assertThat(log.lines().get(1)).contains("not enough room to keep a damaged store");
        }
    }

    @Test
    void aDiskBecomesReadOnlyBetweenTwoOpeningsOnly() throws Exception {
        try (SmallDisk disk = disk(24)) {
            Path file = disk.resolve("answers");
            try (ChronicleStore store = open(file, CAPACITY, true)) {
                assertThat(disk.remount("ro"))
                        .as("the kernel refuses while a file is open for writing")
                        .isFalse();
                assertThat(store.put(key(1), entry(1, 0, LENGTH))).isTrue();
            }
            assertThat(disk.remount("ro")).isTrue();
            assertThatThrownBy(() -> open(file, CAPACITY, true))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("No permission to read and write the store " + file);
            assertThat(disk.remount("rw")).isTrue();
            try (ChronicleStore store = open(file, CAPACITY, true)) {
                assertThat(store.get(key(1), found)).isTrue();
                assertThat(isGenuine(1, found)).isTrue();
            }
            assertThat(log.lines()).isEmpty();
        }
    }

    /** Some mounts report no size. {@code /proc} has none. */
    @Test
    @EnabledOnOs(OS.LINUX)
    void aDiskWhoseFreeSpaceIsNotKnownIsNotFull() {
        assertThat(DiskSpace.free(Path.of("/proc/self/status"))).isEqualTo(Long.MAX_VALUE);
        assertThat(DiskSpace.free(Path.of("no such file"))).isBetween(1L, Long.MAX_VALUE - 1);
    }

    /** The way to allocate where {@code fallocate} does not work. */
    @Test
    void rewritingAllocatesAndChangesNothing() throws Exception {
        try (SmallDisk disk = disk(40)) {
            Path file = disk.resolve("sparse");
            long length = (8 << 20) + 12_345;
            byte[] content = entry(1, 0, LENGTH).bytes();
            try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
                sparse.setLength(length);
                sparse.seek(3 << 20);
                sparse.write(content);
                long before = disk.free();
                Preallocation.rewrite(sparse.getChannel(), length, file);
                assertThat(before - disk.free()).isGreaterThan(length - 2L * LENGTH);
                byte[] after = new byte[content.length];
                sparse.seek(3 << 20);
                sparse.readFully(after);
                assertThat(after).isEqualTo(content);
                assertThat(sparse.length()).isEqualTo(length);
            }
        }
    }

    @Test
    void filesThatAreRemovedAreReportedOnceAndGoOnWorking() throws IOException {
        Path file = directory.resolve("answers");
        try (ChronicleStore store = open(file, CAPACITY, true)) {
            store.put(key(1), entry(1, 0, LENGTH));
            store.sweep(0);
            assertThat(log.lines()).isEmpty();

            Files.delete(file);
            Files.createFile(file);
            for (int i = 0; i < 2; i++) {
                store.sweep(0);
                assertThat(store.stats().failures()).isEqualTo(1);
                assertThat(log.lines())
                        .singleElement()
                        .asString()
                        .startsWith("WARNING " + file + " has been removed or replaced while the cache has it open");
            }
            assertThat(store.get(key(1), found)).isTrue();
            assertThat(store.put(key(2), entry(2, 0, LENGTH))).isTrue();
            assertThat(store.get(key(2), found)).isTrue();
        }
        try (ChronicleStore store = open(file, CAPACITY, true)) {
            assertThat(store.get(key(1), found)).isFalse();
            assertThat(store.put(key(1), entry(1, 0, LENGTH))).isTrue();
        }
    }

    @Test
    void entriesTooLongForTheStoreAreReportedOnceAMinute() throws IOException {
        try (ChronicleStore store = open(directory.resolve("answers"), CAPACITY, true)) {
            for (int i = 0; i < 3; i++) {
                assertThat(store.put(key(i), entry(i, 0, 6 << 20))).isFalse();
            }
            assertThat(store.stats().drops()).isEqualTo(3);
            assertThat(log.lines()).singleElement().asString().contains("no room for an entry of 6291456 bytes");
            clock.advance(Duration.ofMinutes(1));
            store.put(key(1), entry(1, 0, 6 << 20));
            assertThat(log.lines()).hasSize(2);
        }
    }
}
