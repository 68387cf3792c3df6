package dev.refrain.engine.internal.store;

import static dev.refrain.engine.internal.store.TestEntries.NEVER;
import static dev.refrain.engine.internal.store.TestEntries.entry;
import static dev.refrain.engine.internal.store.TestEntries.isGenuine;
import static dev.refrain.engine.internal.store.TestEntries.key;
import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.testing.CapturedLog;
import dev.refrain.testing.ChildJvm;
import dev.refrain.testing.OwnThread;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Two JVMs use one store. */
class SharedStoreTest {
    private static final long CAPACITY = 16L << 20;

    @TempDir
    Path directory;

    private Path file;
    private Process other;
    private BufferedReader answers;
    private final CapturedLog log = new CapturedLog(ChronicleStore.class.getName());
    private final EntryBuffer found = new EntryBuffer(16);

    @BeforeEach
    void startOther() throws IOException {
        file = directory.resolve("answers");
        other = ChildJvm.builder(StoreShell.class, file, CAPACITY)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        answers = other.inputReader();
        assertThat(answers.readLine()).isEqualTo("open");
    }

    @AfterEach
    void stopOther() {
        other.destroyForcibly();
        log.close();
    }

    private String ask(String command) throws IOException {
        other.outputWriter().write(command + "\n");
        other.outputWriter().flush();
        return answers.readLine();
    }

    /** Kills through the handle, because Process would also close the streams. */
    private void kill() throws InterruptedException {
        other.toHandle().destroyForcibly();
        other.waitFor();
    }

    /** Stops the other process as Ctrl+Z, a debugger or a paused container does, or lets it continue. */
    private void signal(String name) throws IOException, InterruptedException {
        assertThat(new ProcessBuilder("kill", "-" + name, Long.toString(other.pid()))
                        .start()
                        .waitFor())
                .isZero();
    }

    private ChronicleStore open(long capacity) throws IOException {
        return ChronicleStore.open(file, capacity, Clock.systemUTC());
    }

    @Test
    void anEntryOfOneProcessIsSeenByTheOther() throws IOException {
        try (ChronicleStore store = open(4 * CAPACITY)) {
            assertThat(store.stats().capacityBytes())
                    .as("a store that another process uses keeps its size")
                    .isEqualTo(CAPACITY);
            assertThat(ask("put 1 2000")).isEqualTo("true");
            assertThat(ask("put 2 200000")).isEqualTo("true");
            for (int i = 1; i <= 2; i++) {
                assertThat(store.get(key(i), found)).isTrue();
                assertThat(isGenuine(i, found)).isTrue();
            }
            store.put(key(1), entry(1, 7, 500));
            assertThat(ask("get 1")).isEqualTo("7");
            store.remove(key(2));
            assertThat(ask("get 2")).isEqualTo("none");
        }
        assertThat(ask("get 1")).as("after the other's closing").isEqualTo("7");
    }

    @Test
    void eachProcessHasItsOwnCounters() throws IOException {
        try (ChronicleStore store = open(CAPACITY)) {
            assertThat(ask("put 1 7000000")).isEqualTo("false");
            assertThat(ask("drops")).isEqualTo("1");
            assertThat(store.stats().drops()).isZero();
            assertThat(ask("put 1 1000")).isEqualTo("true");
            assertThat(store.stats().entries())
                    .as("both processes see the entry in the file")
                    .isEqualTo(1);
        }
    }

    @Test
    void onlyOneProcessSweepsAtATime() throws Exception {
        try (ChronicleStore store = open(CAPACITY)) {
            store.put(key(1), entry(1, 0, 1_000, 1, 2));
            assertThat(ask("sweep-lock")).isEqualTo("true");
            assertThat(store.sweep(10)).isZero();
            assertThat(store.get(key(1), found)).isTrue();
            kill();
            assertThat(store.sweep(10))
                    .as("a dead process does not keep the lock for sweeps")
                    .isEqualTo(1);
            assertThat(store.get(key(1), found)).isFalse();
        }
    }

    @Test
    void aKilledProcessDelaysOthersOnceForASecond() throws Exception {
        try (ChronicleStore store = open(CAPACITY)) {
            for (int i = 0; i < 500; i++) {
                store.put(key(i), entry(i, 0, 1_000));
            }
            assertThat(ask("lock 1")).isEqualTo("locked");
            kill();

            long start = System.nanoTime();
            assertThat(store.get(key(1), found)).isFalse();
            Duration first = Duration.ofNanos(System.nanoTime() - start);
            // A second of spinning, which takes longer on a busy machine.
            assertThat(first).isBetween(Duration.ofMillis(900), Duration.ofSeconds(20));
            start = System.nanoTime();
            int readable = 0;
            int writable = 0;
            for (int i = 0; i < 500; i++) {
                readable += store.get(key(i), found) ? 1 : 0;
                writable += store.put(key(i), entry(i, 1, 1_000)) ? 1 : 0;
            }
            assertThat(store.sweep(0)).isZero();
            Duration rest = Duration.ofNanos(System.nanoTime() - start);
            System.out.println("A dead holder's lock: first call " + first.toMillis()
                    + " ms, the next thousand and a sweep " + rest.toMillis() + " ms");
            // If that segment were not skipped, each call for one of its some sixty entries would have waited a second.
            assertThat(rest).isLessThan(Duration.ofSeconds(20));
            assertThat(readable).isBetween(500 * 13 / 16, 499);
            assertThat(writable).isEqualTo(readable);
            assertThat(store.stats().failures()).isEqualTo(1);
            assertThat(log.lines())
                    .singleElement()
                    .asString()
                    .contains("has been locked for a second, most likely by a process that was killed");
        }
        try (ChronicleStore store = open(CAPACITY)) {
            assertThat(store.get(key(1), found))
                    .as("an entry in the locked segment")
                    .isTrue();
            assertThat(store.put(key(1), entry(1, 2, 1_000, 5_000, NEVER))).isTrue();
        }
    }

    /** A stopped process keeps its locks. They must not be taken from it, because it continues where it was stopped. */
    @Test
    void aStoppedProcessDelaysOthersOnceAndNothingIsLostWhenItContinues() throws Exception {
        try (ChronicleStore store = open(CAPACITY)) {
            for (int i = 0; i < 500; i++) {
                store.put(key(i), entry(i, 0, 1_000));
            }
            assertThat(ask("lock 1")).isEqualTo("locked");
            signal("STOP");
            int readable = 0;
            for (int i = 0; i < 500; i++) {
                readable += store.get(key(i), found) ? 1 : 0;
                store.put(key(i), entry(i, 1, 1_000));
            }
            assertThat(readable).isBetween(500 * 13 / 16, 499);
            assertThat(store.stats().failures()).isEqualTo(1);

            signal("CONT");
            assertThat(ask("unlock")).isEqualTo("unlocked");
            // A sweep checks whether the segment is free again.
            store.sweep(0);
            for (int i = 0; i < 500; i++) {
                assertThat(store.get(key(i), found)).as("key %s", i).isTrue();
                assertThat(isGenuine(i, found)).as("key %s", i).isTrue();
                assertThat(store.put(key(i), entry(i, 2, 1_000)))
                        .as("key %s", i)
                        .isTrue();
            }
            assertThat(ask("put 1 1000")).isEqualTo("true");
            assertThat(store.stats().failures()).isEqualTo(1);
        }
    }

    @Test
    void aProcessThatIsStoppedWhileItOpensTheStoreIsWaitedFor() throws Exception {
        assertThat(ask("gate")).isEqualTo("entered");
        signal("STOP");
        CompletableFuture<ChronicleStore> opening = CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return open(CAPACITY);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                },
                OwnThread.EACH);
        until(() -> !log.lines().isEmpty());
        assertThat(log.lines())
                .singleElement()
                .asString()
                .contains("Another process is opening or closing the store", "answers.lock");
        assertThat(opening).isNotDone();
        kill();
        opening.get(20, TimeUnit.SECONDS).close();
    }

    /** Another program can truncate the file. Memory behind the new end may be read before anybody notices. */
    @ParameterizedTest
    @ValueSource(longs = {4096, CAPACITY / 2})
    void aTruncatedFileGetsItsLengthBack(long left) throws IOException {
        for (int i = 0; i < 500; i++) {
            assertThat(ask("put " + i + " 10000")).isEqualTo("true");
        }
        long length = Files.size(file);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(left);
        }
        int kept = 0;
        for (int i = 0; i < 500; i++) {
            // Any answer will do, as long as the process answers.
            kept += ask("get " + i).equals("0") ? 1 : 0;
            assertThat(ask("put " + (i + 1_000) + " 10000")).isIn("true", "false");
        }
        assertThat(kept).isLessThan(500);
        assertThat(ask("sweep")).isNotNull();
        assertThat(Files.size(file)).isEqualTo(length);
        int stored = 0;
        for (int i = 0; i < 500; i++) {
            stored +=
                    ask("put " + i + " 10000").equals("true") && ask("get " + i).equals("0") ? 1 : 0;
        }
        assertThat(stored).isEqualTo(500);
        assertThat(ask("close")).isEqualTo("closed");
        try (ChronicleStore store = open(CAPACITY)) {
            assertThat(store.put(key(1), entry(1, 2, 1_000))).isTrue();
            assertThat(store.get(key(1), found)).isTrue();
        }
    }

    @Test
    void statisticsDoNotWaitForADeadProcess() throws Exception {
        try (ChronicleStore store = open(CAPACITY)) {
            for (int i = 0; i < 500; i++) {
                store.put(key(i), entry(i, 0, 1_000));
            }
            assertThat(ask("lock 1")).isEqualTo("locked");
            kill();
            assertThat(store.stats().entries()).isEqualTo(500);
            // A thread that waited for the lock would count a failure and log a line.
            assertThat(store.stats().failures()).isZero();
            assertThat(log.lines()).isEmpty();
        }
    }

    @Test
    void anotherSecretIsRefused() throws IOException {
        Path secret = directory.resolve("answers.secret");
        byte[] right = Files.readAllBytes(secret);
        Files.write(secret, new byte[32]);
        assertRefused();
        Files.delete(secret);
        assertRefused();
        Files.write(secret, right);
        open(CAPACITY).close();
    }

    @Test
    void anotherFormatIsRefused() throws IOException {
        try (FileChannel lock = FileChannel.open(directory.resolve("answers.lock"), StandardOpenOption.WRITE)) {
            lock.write(ByteBuffer.wrap(new byte[] {9}), 16);
        }
        assertRefused();
    }

    @Test
    void anotherMapIsRefused() throws IOException {
        Files.move(file, directory.resolve("elsewhere"));
        assertRefused();
    }

    private void assertRefused() {
        assertThatThrownBy(() -> open(CAPACITY))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("open in another process")
                .hasMessageContaining("stop it first");
        assertThat(directory).isDirectoryNotContaining("glob:**.damaged-*");
    }
}
