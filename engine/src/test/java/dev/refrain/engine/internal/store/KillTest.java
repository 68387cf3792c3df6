package dev.refrain.engine.internal.store;

import static dev.refrain.engine.internal.store.TestEntries.entry;
import static dev.refrain.engine.internal.store.TestEntries.isGenuine;
import static dev.refrain.engine.internal.store.TestEntries.key;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.ChildJvm;
import dev.refrain.engine.spi.EntryBuffer;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that goes on while others die by SIGKILL; {@code SoakTest} has what they leave behind. */
class KillTest {
    private static final int KEYS = 1_000;
    private static final Duration BOUND = Duration.ofSeconds(10);

    @TempDir
    Path directory;

    private final EntryBuffer found = new EntryBuffer(16);

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
        BufferedReader out = process.inputReader();
        assertThat(out.readLine()).isEqualTo("stored");
        return new Writer(process, out);
    }

    private record Writer(Process process, BufferedReader out) {
        /** Lets it go on for a while, then kills it. */
        void killAfter(long millis) throws IOException, InterruptedException {
            assertThat(process.waitFor(millis, TimeUnit.MILLISECONDS)).isFalse();
            // Through the handle, because Process closes the streams as well.
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

    @Test
    void aLivingProcessCopesWithADeadOne() throws Exception {
        long capacity = 64L << 20;
        try (ChronicleStore store = open(capacity)) {
            for (int round = 0; round < 3; round++) {
                Writer writer = startWriter(capacity, round);
                assertThat(readable(store)).as("stored by the other process").isGreaterThan(KEYS * 80 / 100);
                assertThat(store.get(key(0), found)).isTrue();
                writer.killAfter(50);

                // Segments whose lock died with the writer cost a second once, and are left alone from then on.
                readable(store);
                long start = System.nanoTime();
                readable(store);
                for (int i = 0; i < KEYS; i++) {
                    store.put(key(i), entry(i, 0, 500));
                }
                assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(BOUND);
            }
        }
        try (ChronicleStore store = open(capacity)) {
            for (int i = 0; i < KEYS; i++) {
                assertThat(store.put(key(i), entry(i, 1, 500))).isTrue();
                assertThat(store.get(key(i), found)).isTrue();
            }
            assertThat(store.stats().failures()).isZero();
        }
    }
}
