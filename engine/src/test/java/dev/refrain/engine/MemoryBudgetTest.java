package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.NoStore;
import dev.refrain.testing.OwnThread;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/**
 * One budget bounds all heap that clients and providers make the cache hold. It is never exceeded, and is given back.
 */
class MemoryBudgetTest {
    private static final CacheControls ON = CacheControls.on(Duration.ofMinutes(1));
    private static final int MIB = 1 << 20;

    private static CacheRequest request(String body) {
        return CacheRequest.of(Endpoint.CHAT, "key", body.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    private static ResponseCache cache(MemoryBudget memory) throws IOException {
        return ResponseCache.builder(Path.of("none"))
                .store(new NoStore())
                .memory(memory)
                .open();
    }

    private static ResponseHead head(String type, long length) {
        return new ResponseHead(200, type, null, length, "gen-1", null, Map.of());
    }

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    @Test
    void nothingIsReservedPastTheLimit() {
        MemoryBudget budget = new MemoryBudget(MIB);
        assertThat(budget.reserve(MIB)).isFalse();
        assertThat(budget.usedBytes()).isZero();
        assertThat(budget.refusals()).isOne();
        assertThat(budget.reserve(MIB / 8 * 5)).isTrue();
        // Large reservations leave room for small ones, and these leave room for calls that are under way.
        assertThat(budget.reserve(MemoryBudget.SMALL + 1)).isFalse();
        assertThat(budget.reserve(1, MemoryBudget.Use.CALL)).isFalse();
        assertThat(budget.reserve(MIB / 8, MemoryBudget.Use.KNOWN_CALL)).isTrue();
        assertThat(budget.hasRoom(1, MemoryBudget.Use.KNOWN_CALL)).isFalse();
        assertThat(budget.reserve(1, MemoryBudget.Use.KNOWN_CALL)).isFalse();
        assertThat(budget.open().grow(MemoryBudget.SMALL)).isTrue();
        assertThat(budget.open().grow(MemoryBudget.SMALL + 1)).isFalse();
        assertThat(budget.reserve(MemoryBudget.SMALL)).isTrue();
        assertThat(budget.isTight()).isTrue();
        // Asking for nothing always succeeds, also after a refusal.
        assertThat(budget.openForStoring().grow(0)).isTrue();
        assertThat(budget.openForStoring().grow(1)).isFalse();
    }

    @Test
    void f56_aShareIsHalfOfWhatTheProgramLeaves() {
        assertThat(MemoryBudget.share(64L * MIB)).isEqualTo(24L * MIB);
        assertThat(MemoryBudget.share(256L * MIB)).isEqualTo(120L * MIB);
        assertThat(MemoryBudget.share(16L * MIB)).isEqualTo(4L * MIB);
        assertThatThrownBy(() -> new MemoryBudget(0)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aReservationIsReleasedOnce() {
        MemoryBudget budget = new MemoryBudget(MIB);
        MemoryBudget.Reservation held = budget.open();
        assertThat(held.resize(1000)).isTrue();
        assertThat(held.resize(400)).isTrue();
        assertThat(held.grow(MIB)).isFalse();
        assertThat(budget.usedBytes()).isEqualTo(400);
        held.close();
        held.close();
        held.shrink(10);
        assertThat(held.grow(1)).isFalse();
        assertThat(budget.usedBytes()).isZero();
    }

    /** Threads reserve and release at the same time: never more than the limit is reserved, and nothing at the end. */
    @Test
    void threadsNeverHoldMoreThanThereIs() {
        MemoryBudget budget = new MemoryBudget(100_000);
        List<CompletableFuture<Void>> threads = new ArrayList<>();
        for (int seed = 0; seed < 4; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            threads.add(CompletableFuture.runAsync(
                    () -> {
                        for (int i = 0; i < 20_000; i++) {
                            try (MemoryBudget.Reservation held = budget.open()) {
                                long granted = 0;
                                for (int n = random.nextInt(4); n >= 0; n--) {
                                    long more = random.nextInt(40_000);
                                    granted += held.grow(more) ? more : 0;
                                }
                                held.shrink(random.nextInt(1000));
                                assertThat(granted).isLessThanOrEqualTo(100_000);
                            }
                        }
                    },
                    OwnThread.EACH));
        }
        threads.forEach(CompletableFuture::join);
        assertThat(budget.usedBytes()).isZero();
    }

    // ---- users of the budget

    @Test
    void aDocumentWithoutRoomIsPassedOnAndNotStored() throws IOException {
        MemoryBudget memory = new MemoryBudget(200_000);
        try (ResponseCache cache = cache(memory)) {
            String answer =
                    "{\"id\":\"a\",\"choices\":[{\"finish_reason\":\"stop\"}],\"x\":\"" + "x".repeat(400_000) + "\"}";
            WholeAnswer got = cache.respond(request("{\"model\":\"m\"}"), ON, sink -> {
                        sink.head(head("application/json", -1));
                        for (int i = 0; i < answer.length(); i += 10_000) {
                            sink.chunk(bytes(answer.substring(i, Math.min(answer.length(), i + 10_000))));
                            assertThat(memory.usedBytes()).isLessThanOrEqualTo(200_000);
                        }
                        sink.end();
                        return Upstream.Call.UNSTOPPABLE;
                    })
                    .toCompletableFuture()
                    .join();
            assertThat(got.body().remaining()).isEqualTo(answer.length());
            assertThat(cache.admin().stats().rejections()).isOne();
            assertThat(memory.refusals()).isPositive();
            assertThat(memory.usedBytes()).isZero();
        }
    }

    @Test
    void aStreamWithoutRoomReachesLeaderAndFollowers() throws IOException {
        MemoryBudget memory = new MemoryBudget(200_000);
        String event = "data: {\"id\":\"a\",\"choices\":[{\"delta\":{\"content\":\"" + "x".repeat(5_000) + "\"}}]}\n\n";
        try (ResponseCache cache = cache(memory)) {
            ResponseSink[] leader = new ResponseSink[1];
            CacheRequest request = request("{\"stream\":true}");
            CompletableFuture<WholeAnswer> first = cache.respond(request, ON, sink -> {
                        leader[0] = sink;
                        return Upstream.Call.UNSTOPPABLE;
                    })
                    .toCompletableFuture();
            leader[0].head(head("text/event-stream", -1));
            CompletableFuture<WholeAnswer> second = cache.respond(request, ON, sink -> {
                        throw new IllegalStateException("one call is enough");
                    })
                    .toCompletableFuture();
            int length = 0;
            for (int i = 0; i < 100; i++) {
                leader[0].chunk(bytes(event));
                length += event.length();
            }
            leader[0].chunk(bytes("data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"));
            leader[0].end();
            assertThat(first.join().body().remaining()).isGreaterThan(length);
            assertThat(second.join().body().remaining()).isGreaterThan(length);
            assertThat(memory.usedBytes()).isZero();
        }
    }

    @Test
    void f56_aFollowerOfADocumentHoldsNoCopyOfIt() throws IOException {
        MemoryBudget memory = new MemoryBudget(8L * MIB);
        String answer = "{\"id\":\"a\",\"choices\":[{\"finish_reason\":\"stop\"}],\"x\":\"" + "x".repeat(MIB) + "\"}";
        try (ResponseCache cache = cache(memory)) {
            ResponseSink[] leader = new ResponseSink[1];
            CacheRequest request = request("{\"model\":\"m\"}");
            CompletableFuture<WholeAnswer> first = cache.respond(request, ON, sink -> {
                        leader[0] = sink;
                        return Upstream.Call.UNSTOPPABLE;
                    })
                    .toCompletableFuture();
            List<Reader> readers = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                Reader reader = new Reader();
                readers.add(reader);
                cache.respond(request, ON, sink -> Upstream.Call.UNSTOPPABLE, reader);
            }
            leader[0].head(head("application/json", -1));
            leader[0].chunk(bytes(answer));
            leader[0].end();
            assertThat(first.join().body().remaining()).isEqualTo(answer.length());
            assertThat(memory.usedBytes()).isBetween((long) MIB, 8L * MIB);
            assertThat(readers).allSatisfy(reader -> assertThat(reader.waiting).isLessThan(MIB / 8));
            readers.get(0).gone.run();
            readers.subList(1, 20).forEach(Reader::readAll);
            assertThat(readers.get(1).read).isGreaterThanOrEqualTo(answer.length());
            assertThat(memory.usedBytes()).isZero();
        }
    }

    /** Reads nothing until it is told to. */
    private static final class Reader implements ResponseSink {
        private Runnable gone;
        private Runnable drained;
        private int waiting;
        private int read;

        @Override
        public void head(ResponseHead head) {}

        @Override
        public void chunk(ByteBuffer bytes) {
            waiting += bytes.remaining();
        }

        @Override
        public void end() {}

        @Override
        public void fail(Throwable cause) {
            throw new IllegalStateException(cause);
        }

        @Override
        public void whenDrained(Runnable action) {
            drained = action;
        }

        @Override
        public void whenGone(Runnable action) {
            gone = action;
        }

        void readAll() {
            while (drained != null) {
                read += waiting;
                waiting = 0;
                Runnable more = drained;
                drained = null;
                more.run();
            }
        }
    }

    @Test
    void nothingIsHeldOfACallThatFails() throws IOException {
        MemoryBudget memory = new MemoryBudget(MIB);
        try (ResponseCache cache = cache(memory)) {
            CompletableFuture<WholeAnswer> answer = cache.respond(request("{\"stream\":true}"), ON, sink -> {
                        sink.head(head("text/event-stream", -1));
                        sink.chunk(bytes("data: {\"choices\":[]}\n\n"));
                        assertThat(memory.usedBytes()).isPositive();
                        sink.fail(new IOException("broke off"));
                        return Upstream.Call.UNSTOPPABLE;
                    })
                    .toCompletableFuture();
            assertThat(answer).isCompletedExceptionally();
            assertThat(memory.usedBytes()).isZero();
        }
    }

    /** An upstream need not end its sink after its call was cancelled. */
    @Test
    void nothingIsHeldOfACancelledCall() throws IOException {
        MemoryBudget memory = new MemoryBudget(MIB);
        try (ResponseCache cache = ResponseCache.builder(Path.of("none"))
                .store(new NoStore())
                .memory(memory)
                .cancelWhenAbandoned(true)
                .open()) {
            ResponseSink[] upstream = new ResponseSink[1];
            CompletableFuture<WholeAnswer> answer = cache.respond(request("{\"stream\":true}"), ON, sink -> {
                        upstream[0] = sink;
                        sink.head(head("text/event-stream", -1));
                        sink.chunk(bytes("data: {\"choices\":[]}\n\n"));
                        return Upstream.Call.UNSTOPPABLE;
                    })
                    .toCompletableFuture();
            assertThat(memory.usedBytes()).isPositive();
            answer.cancel(true);
            assertThat(memory.usedBytes()).isZero();
            upstream[0].chunk(bytes("data: {\"choices\":[]}\n\n"));
            upstream[0].end();
            assertThat(memory.usedBytes()).isZero();
        }
    }
}
