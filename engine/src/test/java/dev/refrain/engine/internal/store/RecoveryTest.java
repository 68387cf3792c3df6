package dev.refrain.engine.internal.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.internal.EntryChecksum;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.testing.CapturedLog;
import dev.refrain.testing.ChildJvm;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * An unclean shutdown is noticed, and recovery is timed: {@code -Drefrain.recovery.mib=10240} measures a store of 10
 * GiB.
 */
class RecoveryTest {
    private static final int MEBIBYTES = Integer.getInteger("refrain.recovery.mib", 32);
    private static final long CAPACITY = (long) MEBIBYTES << 20;
    private static final int ENTRY_LENGTH = 4_000;
    private static final int TRUST_AT = 64;

    @TempDir
    Path directory;

    /** Puts {@code count} entries into a store ({@code file capacityBytes count}) and exits without closing it. */
    static final class Filler {
        public static void main(String[] args) throws IOException {
            ChronicleStore store = ChronicleStore.open(Path.of(args[0]), Long.parseLong(args[1]), Clock.systemUTC());
            EntryBuffer entry = TestEntries.entry(1, 1, ENTRY_LENGTH);
            SplittableRandom random = new SplittableRandom(1);
            CRC32C crc = new CRC32C();
            byte[] digest = new byte[CacheStore.KEY_LENGTH];
            for (long i = Long.parseLong(args[2]); i > 0; i--) {
                random.nextBytes(digest);
                EntryChecksum.write(digest, entry.bytes(), entry.length(), crc);
                store.put(digest, entry);
            }
            Runtime.getRuntime().halt(0);
        }
    }

    private void fill(long count) throws Exception {
        assertThat(ChildJvm.run(ChildJvm.builder(Filler.class, directory.resolve("answers"), CAPACITY, count))
                        .exit())
                .isZero();
    }

    /** Simulates a restart of the operating system. */
    private void forgetTheBoot() throws IOException {
        try (RandomAccessFile lock =
                new RandomAccessFile(directory.resolve("answers.lock").toFile(), "rw")) {
            lock.seek(TRUST_AT);
            assertThat(lock.readLong()).isNotZero();
            lock.seek(TRUST_AT);
            lock.writeLong(0x5EED);
        }
    }

    private long open(String how) throws IOException {
        try (CapturedLog log = new CapturedLog(ChronicleStore.class.getName())) {
            long start = System.nanoTime();
            try (ChronicleStore store =
                    ChronicleStore.open(directory.resolve("answers"), CAPACITY, Clock.systemUTC())) {
                long millis = (System.nanoTime() - start) / 1_000_000;
                long entries = store.stats().entries();
                System.out.println(
                        "Opened " + MEBIBYTES + " MiB with " + entries + " entries, " + how + ": " + millis + " ms");
                assertThat(log.lines()).allSatisfy(line -> assertThat(line).contains(how));
                assertThat(log.lines()).hasSize(how.startsWith("recovered") ? 1 : 0);
                return entries;
            }
        }
    }

    @Test
    void aStoreThatWasNotClosedIsRecovered() throws Exception {
        fill(CAPACITY / 10 * 9 / ENTRY_LENGTH);
        long entries = open("recovered segments with locks");
        assertThat(entries).isPositive();
        assertThat(open("closed cleanly")).isEqualTo(entries);
        fill(1);
        forgetTheBoot();
        assertThat(open("recovered all segments")).isEqualTo(entries);
        assertThat(open("closed cleanly")).isEqualTo(entries);
    }

    /** Opens a store ({@code file capacityBytes}), fails in the middle of an operation and exits without closing it. */
    static final class Failing {
        public static void main(String[] args) throws IOException {
            ChronicleRuntime.applySettings();
            StoreFiles.open(Path.of(args[0]), Long.parseLong(args[1]), true, Clock.systemUTC())
                    .failed("test", new IllegalStateException("half-way"));
            Runtime.getRuntime().halt(0);
        }
    }

    @Test
    void afterAFailureNoSegmentIsTrusted() throws Exception {
        Path file = directory.resolve("answers");
        assertThat(ChildJvm.run(ChildJvm.builder(Failing.class, file, CAPACITY)).exit())
                .isZero();
        open("recovered all segments");
        fill(1);
        open("recovered segments with locks");
    }

    @Test
    void aCopyIsNotTrusted() throws Exception {
        fill(1);
        Path original = Files.move(directory.resolve("answers"), directory.resolve("original"));
        Files.copy(original, directory.resolve("answers"));
        open("recovered all segments");
    }
}
