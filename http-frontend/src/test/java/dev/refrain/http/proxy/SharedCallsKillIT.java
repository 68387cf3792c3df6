package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.testing.RedisServer;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Wire rule W28 with the jar: the process that calls the provider is killed while another one follows its stream and
 * waits for its document. {@code -Drefrain.kills} is the number of repetitions.
 */
@Timeout(900)
class SharedCallsKillIT {
    private static final int KILLS = Integer.getInteger("refrain.kills", 2);

    /**
     * Time within which a process notices the kill of another: three seconds, plus the delays of a busy machine. A
     * process that does not notice it waits for two minutes.
     */
    private static final Duration NOTICED = Duration.ofSeconds(20);

    private static final String EVENT = WireTest.CHAT_STREAM[1];

    @TempDir
    Path folder;

    private final AtomicInteger streams = new AtomicInteger();
    private final AtomicInteger documents = new AtomicInteger();

    private RunningJar start(ScriptedProvider provider, RedisServer redis, String name) throws IOException {
        Path own = Files.createDirectories(folder.resolve(name));
        Path config = own.resolve("refrain.yaml");
        Files.writeString(config, """
                shared:
                  uri: %s
                  secret-file: %s
                  timeout: 1s
                """.formatted(redis.uri(), folder.resolve("secret")));
        return RunningJar.start(own, provider.base(), "--config", config.toString());
    }

    private static CompletableFuture<HttpResponse<String>> ask(RunningJar jar, String request) {
        return jar.sendAsync(jar.post(WireTest.CHAT, request).setHeader("X-OpenRouter-Cache", "true"));
    }

    private static String read(InputStream from, int events) throws IOException {
        StringBuilder got = new StringBuilder();
        while (got.toString().split("data: ", -1).length <= events) {
            int next = from.read();
            assertThat(next).isNotNegative();
            got.append((char) next);
        }
        return got.toString();
    }

    @Test
    void w28_followersOfAKilledProcessAreCutAndWaitersCallAgain() throws IOException {
        Files.writeString(folder.resolve("secret"), "a secret of this cluster that nobody can guess\n");
        Random random = new Random(17);
        try (RedisServer redis = new RedisServer();
                ScriptedProvider provider = new ScriptedProvider()) {
            provider.does((exchange, request) -> {
                if (request.body().contains("\"stream\":true")) {
                    streams.incrementAndGet();
                    ScriptedProvider.stream(exchange, EVENT);
                    while (!Thread.currentThread().isInterrupted()) {
                        // The stream goes on until the process that reads it is killed.
                        ScriptedProvider.write(exchange, EVENT);
                        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
                    }
                } else if (!request.body().contains("hi ")) {
                    ScriptedProvider.json(exchange, 200, WireTest.CHAT_ANSWER);
                } else if (documents.getAndIncrement() % 2 == 0) {
                    // The first of two calls: its process is killed.
                    LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(60));
                } else {
                    ScriptedProvider.json(exchange, 200, WireTest.CHAT_ANSWER);
                }
            });
            try (RunningJar other = start(provider, redis, "other")) {
                for (int kill = 0; kill < KILLS; kill++) {
                    killOnce(provider, redis, other, kill, random.nextInt(100));
                }
            }
        }
    }

    private void killOnce(ScriptedProvider provider, RedisServer redis, RunningJar other, int kill, int events)
            throws IOException {
        String stream = WireTest.CHAT_STREAM_REQUEST.replace("hi", "hi " + kill);
        String document = WireTest.CHAT_REQUEST.replace("hi", "hi " + kill);
        try (RunningJar one = start(provider, redis, "one")) {
            // Processes that are not connected yet make their own calls.
            until(() -> !WireTest.header(one.cached(WireTest.CHAT, "{}"), "Cache-Status")
                    .contains("unavailable"));
            int streamsBefore = streams.get();
            int documentsBefore = documents.get();
            CompletableFuture<?> leader = ask(one, stream);
            CompletableFuture<?> first = ask(one, document);
            until(() -> streams.get() > streamsBefore && documents.get() > documentsBefore);
            HttpResponse<InputStream> follower = other.send(
                    other.post(WireTest.CHAT, stream).setHeader("X-OpenRouter-Cache", "true"),
                    BodyHandlers.ofInputStream());
            assertThat(WireTest.header(follower, "Cache-Status")).contains("; collapsed; detail=elsewhere");
            read(follower.body(), 1 + events);
            CompletableFuture<HttpResponse<String>> waiting = ask(other, document);

            one.kill();
            long killed = System.nanoTime();

            assertThatThrownBy(() -> follower.body().readAllBytes()).isInstanceOf(IOException.class);
            assertThat(Duration.ofNanos(System.nanoTime() - killed)).isLessThan(NOTICED);
            HttpResponse<String> answer =
                    waiting.orTimeout(60, TimeUnit.SECONDS).join();
            Duration noticed = Duration.ofNanos(System.nanoTime() - killed);
            assertThat(noticed).isLessThan(NOTICED);
            System.out.println("Kill " + kill + " was noticed within " + noticed.toMillis() + " ms");
            assertThat(answer.body()).isEqualTo(WireTest.CHAT_ANSWER);
            WireTest.assertMiss(answer);
            assertThat(streams.get()).isEqualTo(streamsBefore + 1);
            assertThat(documents.get()).isEqualTo(documentsBefore + 2);
            assertThat(leader).isNotNull();
            assertThat(first).isNotNull();
        }
    }
}
