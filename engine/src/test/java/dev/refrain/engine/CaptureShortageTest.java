package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.HeapStore;
import dev.refrain.engine.stats.CacheStats;
import dev.refrain.testing.CapturedLog;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** A full memory budget is no fault: answers are passed on and counted, and one line a minute is logged. */
class CaptureShortageTest {
    private static final CacheControls ON = CacheControls.on(Duration.ofMinutes(1));
    private static final String EVENT =
            "data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + "x".repeat(900) + "\"}}]}\n\n";
    private static final String STREAM = EVENT.repeat(20)
            + "data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}]}\n\n"
            + "data: {\"id\":\"a\",\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\ndata: [DONE]\n\n";
    private static final String DOCUMENT = "{\"id\":\"a\",\"choices\":[{\"index\":0,\"message\":{\"content\":\""
            + "x".repeat(20_000) + "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"total_tokens\":3}}";

    private final AtomicLong nanos = new AtomicLong();
    private final CapturedLog log = new CapturedLog("dev.refrain.engine");

    private ResponseCache cache(MemoryBudget memory) throws IOException {
        return ResponseCache.builder(Path.of("none"))
                .store(new HeapStore(1 << 20))
                .memory(memory)
                .ticker(nanos::get)
                .open();
    }

    private static CompletableFuture<WholeAnswer> ask(ResponseCache cache, int n, boolean streaming, int piece) {
        String body = "{\"n\":" + n + ",\"stream\":" + streaming + "}";
        byte[] answer = (streaming ? STREAM : DOCUMENT).getBytes(StandardCharsets.UTF_8);
        return cache.respond(CacheRequest.of(Endpoint.CHAT, "key", body.getBytes(StandardCharsets.UTF_8)), ON, sink -> {
                    String type = streaming ? "text/event-stream" : "application/json";
                    sink.head(
                            new ResponseHead(200, type, null, streaming ? -1 : answer.length, "gen-1", null, Map.of()));
                    for (int at = 0; at < answer.length; at += piece) {
                        sink.chunk(ByteBuffer.wrap(answer, at, Math.min(piece, answer.length - at)));
                    }
                    sink.end();
                    return Upstream.Call.UNSTOPPABLE;
                })
                .toCompletableFuture();
    }

    /** The budget may be full when an answer begins, in its middle or at its end. */
    @Test
    void anAnswerWithoutRoomIsPassedOnAndCountedAsThatAlone() throws IOException {
        long stored = 0;
        try (log) {
            for (int budget = 1; budget < 400_000; budget += 1 + budget / 20) {
                for (int piece : new int[] {700, 5_000, 1 << 20}) {
                    for (boolean streaming : new boolean[] {true, false}) {
                        MemoryBudget memory = new MemoryBudget(budget);
                        try (ResponseCache cache = cache(memory)) {
                            assertThat(ask(cache, 0, streaming, piece)
                                            .join()
                                            .body()
                                            .remaining())
                                    .isEqualTo((streaming ? STREAM : DOCUMENT).length());
                            CacheStats stats = cache.admin().stats();
                            assertThat(stats.failures())
                                    .as("%s of %s", piece, budget)
                                    .isZero();
                            assertThat(stats.stores() + stats.shortages())
                                    .as("%s of %s", piece, budget)
                                    .isOne();
                            assertThat(memory.usedBytes())
                                    .as("%s of %s", piece, budget)
                                    .isZero();
                            stored += stats.stores();
                        }
                    }
                }
            }
        }
        assertThat(stored).isPositive();
        // Each of these caches is new, so each may log the line once.
        assertThat(log.lines()).isNotEmpty().allMatch(line -> line.contains("is used up: 1 answers"));
    }

    @Test
    void thatAnswersGoWithoutRoomIsSaidOnceAMinute() throws IOException {
        nanos.set(Long.MAX_VALUE - 5);
        try (log;
                ResponseCache cache = cache(new MemoryBudget(5_000))) {
            for (int i = 0; i < 200; i++) {
                ask(cache, i, i % 2 == 0, 1_000).join();
            }
            assertThat(cache.admin().stats().shortages()).isEqualTo(200);
            assertThat(cache.admin().stats().failures()).isZero();
            assertThat(log.lines()).singleElement().asString().startsWith("WARNING The memory budget of 5000 bytes");
            nanos.addAndGet(TimeUnit.SECONDS.toNanos(59));
            ask(cache, 200, false, 1_000).join();
            assertThat(log.lines()).hasSize(1);
            nanos.addAndGet(TimeUnit.SECONDS.toNanos(1));
            ask(cache, 201, false, 1_000).join();
            assertThat(log.lines()).hasSize(2);
            assertThat(log.lines().get(1)).contains(": 201 answers");
        }
    }
}
