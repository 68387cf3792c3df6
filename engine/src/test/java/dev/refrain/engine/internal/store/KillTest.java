package dev.refrain.engine.internal.store;

import static dev.refrain.engine.internal.store.TestEntries.entry;
import static dev.refrain.engine.internal.store.TestEntries.isGenuine;
import static dev.refrain.engine.internal.store.TestEntries.key;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.testing.ChildJvm;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process continues while others die by SIGKILL; {@code SoakTest} examines the files that they leave. */
class KillTest {
    private static final int KEYS = 1_000;
    private static final int ROUNDS = 3;
    private static final Duration BOUND = Duration.ofSeconds(10);

    @TempDir
    Path directory;

    private final EntryBuffer found = new EntryBuffer(16);
    private final List<Process> started = new ArrayList<>();

    @AfterEach
    void leaveNoneBehind() {
        started.forEach(Process::destroyForcibly);
    }

    private Path file() {
        return directory.resolve("answers.refrain");
    }

    private ChronicleStore open(long capacity) throws IOException {
        return ChronicleStore.open(file(), capacity, Clock.systemUTC());
    }

    /** Starts a writer and waits until it has stored every key once. */
    private Writer startWriter(long capacity, long seed) throws IOException {
        Process process = ChildJvm.builder(StoreWriter.class, file(), capacity, KEYS, seed)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        started.add(process);
        BufferedReader out = process.inputReader();
        assertThat(out.readLine()).isEqualTo("stored");
        return new Writer(process, out);
    }

    private record Writer(Process process, BufferedReader out) {
        /** Lets the writer run for a while, then kills it. */
        void killAfter(long millis) throws IOException, InterruptedException {
            assertThat(process.waitFor(millis, TimeUnit.MILLISECONDS)).isFalse();
            // Kills through the handle, because Process would also close the streams.
            process.toHandle().destroyForcibly();
            process.waitFor();
            assertThat(out.readLine()).as("what the writer itself found wrong").isNull();
        }
    }

    private int readable(ChronicleStore store) {
        int readable = 0;
        for (int i = 0; i < KEYS; i++) {
            if (store.get(key(i), found)) {
                assertThat(isGenuine(i, found)).as("key %s", i).isTrue();
                readable++;
            }
        }
        return readable;
    }

    /** Segments whose lock a dead process holds. Nobody but this process may have the store open. */
    private BitSet locked() throws IOException {
        BitSet locked = new BitSet();
        try (RawMap map = RawMap.open(file())) {
            for (int i = 0; i < map.segments(); i++) {
                locked.set(i, map.segment(i).isLocked);
            }
        }
        return locked;
    }

    /** Keys that no writer removes and that are not found, those in the given segments left out. */
    private List<Integer> missing(ChronicleStore store, BitSet exceptIn) throws IOException {
        List<Integer> missing = new ArrayList<>();
        byte[] bytes = new byte[CacheStore.KEY_LENGTH];
        try (RawMap map = RawMap.open(file())) {
            for (int i = 0; i < StoreWriter.NEVER_REMOVED; i++) {
                System.arraycopy(key(i), 0, bytes, 0, bytes.length);
                if (!exceptIn.get(map.segmentOf(bytes)) && !store.get(key(i), found)) {
                    missing.add(i);
                }
            }
        }
        return missing;
    }

    @Test
    void aProcessSurvivesTheDeathOfAnother() throws Exception {
        long capacity = 64L << 20;
        BitSet locked = new BitSet();
        try (ChronicleStore store = open(capacity)) {
            for (int round = 0; round < ROUNDS; round++) {
                Writer writer = startWriter(capacity, round);
                assertThat(readable(store)).as("stored by the other process").isGreaterThan(KEYS * 80 / 100);
                assertThat(missing(store, locked)).as("round %s", round).isEmpty();
                writer.killAfter(50);
                locked = locked();

                // Segments whose lock died with the writer cost a second once. After that they are skipped.
                readable(store);
                long start = System.nanoTime();
                readable(store);
                for (int i = 0; i < KEYS; i++) {
                    store.put(key(i), entry(i, 0, 500));
                }
                assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(BOUND);
                assertThat(missing(store, locked)).as("round %s", round).isEmpty();
            }
        }
        try (ChronicleStore store = open(capacity)) {
            // Entries of these segments are back, except those that a writer was replacing when it died.
            assertThat(missing(store, new BitSet())).hasSizeLessThanOrEqualTo(ROUNDS);
            for (int i = 0; i < KEYS; i++) {
                assertThat(store.put(key(i), entry(i, 1, 500))).isTrue();
                assertThat(store.get(key(i), found)).isTrue();
            }
            assertThat(store.stats().failures()).isZero();
        }
    }
}
