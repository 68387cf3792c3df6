package dev.refrain.http.proxy;

import static dev.refrain.http.proxy.WireTest.CHAT;
import static dev.refrain.http.proxy.WireTest.CHAT_ANSWER;
import static dev.refrain.http.proxy.WireTest.CHAT_REQUEST;
import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.refrain.testing.OwnThread;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** SIGHUP to a process under load. */
class ReloadIT {
    private static final int RELOADS = 5;
    private static final int CLIENTS = 3;

    @TempDir
    Path folder;

    /** Skips the tests under nohup: the JVM inherits that SIGHUP is ignored. */
    @BeforeAll
    static void signalsArrive() throws IOException {
        Path status = Path.of("/proc/self/status");
        boolean isIgnored = Files.isReadable(status)
                && Files.readAllLines(status).stream()
                        .filter(line -> line.startsWith("SigIgn:"))
                        .anyMatch(line ->
                                (Long.parseUnsignedLong(line.substring(7).strip(), 16) & 1) != 0);
        assumeFalse(isIgnored, "Skipped: SIGHUP is ignored here.");
    }

    private static int count(RunningJar jar, String text) {
        return jar.err().split(text, -1).length - 1;
    }

    /** Waits for the line of this reload, so that two signals do not become one. */
    private void reload(RunningJar jar, Path file, String settings, String line) throws IOException {
        int before = count(jar, line);
        Files.writeString(file, settings);
        jar.hangUp();
        until(() -> count(jar, line) > before);
    }

    @Test
    void noRequestFailsWhileTheSettingsAreReadAgain() throws Exception {
        Path file = Files.writeString(folder.resolve("refrain.yaml"), "cache: {ttl: 100s}");
        AtomicBoolean over = new AtomicBoolean();
        AtomicInteger numbers = new AtomicInteger();
        try (ScriptedProvider provider = new ScriptedProvider()
                        .does((exchange, request) -> ScriptedProvider.json(exchange, 200, CHAT_ANSWER));
                RunningJar jar = RunningJar.start(folder, provider.base(), "--config", file.toString())) {
            List<CompletableFuture<Integer>> clients = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                clients.add(CompletableFuture.supplyAsync(() -> ask(jar, over, numbers), OwnThread.EACH));
            }
            for (int i = 1; i <= RELOADS; i++) {
                reload(jar, file, "cache: {ttl: 100" + i + "s}\nport: " + i, "Reloaded\\. Changed: \\[cache\\.ttl\\]");
                reload(jar, file, "cache: {ttl: x}\npolcies: []", "Nothing was reloaded: cache\\.ttl: 'x'");
            }
            // The hint for a misspelt name is a line of its own. It follows the line that each reload waited for.
            until(() -> count(jar, "did you mean policies") == RELOADS);
            int before = numbers.get();
            until(() -> numbers.get() > before + 2 * CLIENTS);
            over.set(true);
            for (CompletableFuture<Integer> client : clients) {
                assertThat(client.get()).isPositive();
            }
            HttpResponse<String> answer = jar.cached(CHAT, CHAT_REQUEST.replace("hi", "last"));
            assertThat(WireTest.header(answer, WireTest.TTL)).isEqualTo("1005");
            assertThat(jar.terminate().ended().status()).isEqualTo(143);
        }
    }

    /** The settings file is a pipe, so each reader of it waits for the test: at the start, and at the reload. */
    @Test
    void aReloadRequestedDuringTheStartIsDoneAfterIt() throws Exception {
        Path pipe = folder.resolve("settings.yaml");
        assumeTrue(
                new ProcessBuilder("mkfifo", pipe.toString())
                                .start()
                                .onExit()
                                .join()
                                .exitValue()
                        == 0,
                "Skipped: there is no mkfifo.");
        try (ScriptedProvider provider = new ScriptedProvider()) {
            CompletableFuture<RunningJar> started = CompletableFuture.supplyAsync(
                    () -> {
                        try {
                            return RunningJar.start(folder, provider.base(), "--config", pipe.toString());
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    },
                    OwnThread.EACH);
            CompletableFuture<Void> settings = CompletableFuture.runAsync(
                    () -> {
                        try (OutputStream out = Files.newOutputStream(pipe)) {
                            // The pipe is open for writing as soon as the new process reads it.
                            ProcessHandle starting = ProcessHandle.current()
                                    .children()
                                    .filter(child -> Arrays.asList(
                                                    child.info().arguments().orElse(new String[0]))
                                            .contains(pipe.toString()))
                                    .findFirst()
                                    .orElseThrow();
                            RunningJar.hangUp(starting);
                            out.write("cache: {ttl: 100s}".getBytes(StandardCharsets.UTF_8));
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    },
                    OwnThread.EACH);
            try (RunningJar jar = started.get(60, TimeUnit.SECONDS)) {
                settings.get(20, TimeUnit.SECONDS);
                CompletableFuture.runAsync(
                                () -> {
                                    try {
                                        Files.writeString(pipe, "cache: {ttl: 200s}");
                                    } catch (IOException e) {
                                        throw new UncheckedIOException(e);
                                    }
                                },
                                OwnThread.EACH)
                        .get(20, TimeUnit.SECONDS);
                until(() -> count(jar, "Reloaded\\. Changed: \\[cache\\.ttl\\]") == 1);
            }
        }
    }

    /** Sends hits and misses in turn; returns their number. */
    private static int ask(RunningJar jar, AtomicBoolean over, AtomicInteger numbers) {
        int count = 0;
        for (; !over.get(); count++) {
            String body = CHAT_REQUEST.replace("hi", "hi" + (count % 2 == 0 ? "" : numbers.incrementAndGet()));
            HttpResponse<String> answer = jar.cached(CHAT, body);
            if (answer.statusCode() != 200) {
                throw new IllegalStateException(answer.statusCode() + ": " + answer.body());
            }
        }
        return count;
    }
}
