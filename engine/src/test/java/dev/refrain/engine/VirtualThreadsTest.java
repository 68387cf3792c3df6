package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.chat;
import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.testing.VirtualThreads;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;

/** Misses, followers and hits on an embedder's virtual threads. None of them pins its carrier thread. */
@EnabledForJreRange(min = JRE.JAVA_24, disabledReason = "before JEP 491 every monitor pins")
class VirtualThreadsTest {
    private static final int THREADS = 200;
    private static final int KEYS = 10;

    @TempDir
    Path folder;

    @Test
    void nothingPins() throws Exception {
        assertThat(VirtualThreads.pins(folder, this::work)).isEmpty();
    }

    private void work() throws Exception {
        try (ResponseCache cache = ResponseCache.builder(
                        Files.createTempDirectory(folder, "cache").resolve("answers.refrain"))
                .capacityBytes(16 << 20)
                .open()) {
            ExecutorService threads = VirtualThreads.executor();
            CountDownLatch allAsked = new CountDownLatch(THREADS);
            // The provider answers once all requests wait, also on virtual threads.
            Upstream upstream = sink -> {
                threads.execute(() -> {
                    await(allAsked);
                    sink.head(new ResponseHead(200, "application/json", null, -1, null, null, Map.of()));
                    sink.chunk(ByteBuffer.wrap(utf8(CHAT_ANSWER)));
                    sink.end();
                });
                return Upstream.Call.UNSTOPPABLE;
            };
            List<Future<WholeAnswer>> answers = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                String request = "{\"n\":" + i % KEYS + "}";
                answers.add(threads.submit(() -> {
                    CompletableFuture<WholeAnswer> answer = cache.respond(
                                    chat(request), CacheControls.on(Duration.ofMinutes(5)), upstream)
                            .toCompletableFuture();
                    allAsked.countDown();
                    answer.get(30, TimeUnit.SECONDS);
                    // The same request again is a hit.
                    return cache.respond(chat(request), CacheControls.on(Duration.ofMinutes(5)), upstream)
                            .toCompletableFuture()
                            .get(30, TimeUnit.SECONDS);
                }));
            }
            for (Future<WholeAnswer> answer : answers) {
                assertThat(answer.get(60, TimeUnit.SECONDS).head().cache()).isInstanceOf(CacheOutcome.Hit.class);
            }
            threads.shutdown();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
