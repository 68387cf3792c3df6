package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A program misuses its cache. At most it harms itself, and nothing waits for ever.
 *
 * <p>Long, since there are many ways of misuse.
 */
@Timeout(60)
class MisusedCacheTest {
    private static final Duration TTL = Duration.ofHours(1);
    private static final int LONG = 300_000;

    @TempDir
    Path folder;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private ResponseCache cache;

    @BeforeEach
    void open() throws IOException {
        cache = ResponseCache.builder(folder.resolve("answers"))
                .capacityBytes(16L << 20)
                .hotBytes(1 << 20)
                .open();
    }

    @AfterEach
    void close() {
        cache.close();
        threads.shutdownNow();
    }

    private static CacheRequest request(int number) {
        return CacheRequest.of(Endpoint.CHAT, "sk-1", utf8("{\"model\":\"m\",\"n\":" + number + "}"));
    }

    private CacheKey key(int number) {
        return cache.key(request(number)).orElseThrow();
    }

    private static byte[] answer(int length) {
        return utf8(CHAT_ANSWER.replace("Hello", "x".repeat(length)));
    }

    private void store(int number, int length) {
        assertThat(cache.store(key(number), "application/json", answer(length), TTL))
                .isTrue();
    }

    private static void send(ResponseSink sink, byte[]... pieces) {
        sink.head(new ResponseHead(200, "application/json", null, -1, null, null, Map.of()));
        for (byte[] piece : pieces) {
            sink.chunk(ByteBuffer.wrap(piece));
        }
        sink.end();
    }

    private static Upstream answering(int length) {
        return sink -> {
            send(sink, answer(length));
            return Upstream.Call.UNSTOPPABLE;
        };
    }

    /** The call in which a sink misbehaves. */
    private enum Moment {
        HEAD,
        CHUNK,
        END
    }

    private static final class Doing extends RecordingSink {
        private final Moment moment;
        private final Runnable deed;

        Doing(Moment moment, Runnable deed) {
            this.moment = moment;
            this.deed = deed;
        }

        @Override
        public void head(ResponseHead answer) {
            super.head(answer);
            at(Moment.HEAD);
        }

        @Override
        public void chunk(ByteBuffer bytes) {
            super.chunk(bytes);
            at(Moment.CHUNK);
        }

        @Override
        public void end() {
            super.end();
            at(Moment.END);
        }

        private void at(Moment now) {
            if (now == moment) {
                deed.run();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Moment.class)
    void aSinkMayCloseTheCacheThatAnswersIt(Moment moment) throws IOException {
        for (int length : new int[] {5, LONG}) {
            store(length, length);
            Doing hit = new Doing(moment, () -> cache.close());
            cache.respond(request(length), CacheControls.on(TTL), answering(1), hit);
            assertThat(hit.ended).isTrue();
            assertThat(hit.text()).contains("x".repeat(length));
            open();

            Doing miss = new Doing(moment, () -> cache.close());
            cache.respond(request(length + 1), CacheControls.on(TTL), answering(length), miss);
            assertThat(miss.ended).isTrue();
            assertThat(miss.text()).contains("x".repeat(length));
            open();
        }
    }

    @Test
    void anUpstreamMayCloseTheCacheThatCallsIt() {
        RecordingSink sink = new RecordingSink();
        cache.respond(
                request(1),
                CacheControls.on(TTL),
                to -> {
                    cache.close();
                    send(to, answer(3));
                    return Upstream.Call.UNSTOPPABLE;
                },
                sink);
        assertThat(sink.ended).isTrue();
    }

    /** The same holds for several threads at once. Each call of {@code close} returns only once the cache is closed. */
    @Test
    void closingTwiceIsClosingOnce() throws Exception {
        store(1, 5);
        CountDownLatch start = new CountDownLatch(1);
        List<CompletableFuture<Void>> closing = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            closing.add(CompletableFuture.runAsync(
                    () -> {
                        awaitQuietly(start);
                        cache.close();
                    },
                    threads));
        }
        start.countDown();
        for (CompletableFuture<Void> each : closing) {
            each.get(20, TimeUnit.SECONDS);
        }
        cache.close();
        open();
        assertThat(cache.lookup(key(1), new CachedResponse())).isTrue();
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** After closing, every method does nothing or gets the answer from the provider. */
    @Test
    void aClosedCacheBehavesLikeAnEmptyOne() {
        store(1, 5);
        CacheKey key = key(1);
        Lookup lookup = cache.pipeline().newLookup();
        ResponseSink capture = cache.pipeline().capture(key, TTL, new RecordingSink());
        cache.close();
        assertThat(cache.lookup(key, new CachedResponse())).isFalse();
        assertThat(cache.pipeline().respondIfStored(key, CacheDirectives.NONE, new RecordingSink()))
                .isFalse();
        assertThat(cache.store(key, "application/json", answer(5), TTL)).isFalse();
        assertThat(cache.remove(key)).isFalse();
        assertThat(cache.key(request(1))).contains(key);
        byte[] body = request(1).upstreamBody();
        assertThat(lookup.find(
                        cache.pipeline()
                                .context(Endpoint.CHAT, cache.pipeline().scope("sk-1"))
                                .build(),
                        body,
                        0,
                        body.length))
                .isNull();
        send(capture, answer(5));
        RecordingSink sink = new RecordingSink();
        cache.respond(request(1), CacheControls.on(TTL), answering(7), sink);
        assertThat(sink.text()).contains("x".repeat(7));
        assertThat(cache.admin().sweep()).isZero();
        assertThat(cache.admin().clear()).isZero();
        assertThat(cache.admin().removeScope("sk-1")).isZero();
        assertThat(cache.admin().inspect(key)).isEmpty();
        assertThat(cache.admin().stats()).isNotNull();
    }

    /** No call here blocks, so an interrupt flag changes nothing, and stays set. */
    @Test
    void anInterruptedThreadIsServedLikeAnyOther() throws IOException {
        store(1, 5);
        Thread.currentThread().interrupt();
        try {
            for (int length : new int[] {6, LONG}) {
                RecordingSink miss = new RecordingSink();
                cache.respond(request(length), CacheControls.on(TTL), answering(length), miss);
                assertThat(miss.ended).isTrue();
                RecordingSink hit = new RecordingSink();
                assertThat(cache.pipeline().respondIfStored(key(length), CacheDirectives.NONE, hit))
                        .isTrue();
                assertThat(hit.text()).contains("x".repeat(length));
            }
            assertThat(cache.remove(key(6))).isTrue();
            assertThat(cache.admin().sweep()).isZero();
            assertThat(cache.admin().stats().store().failures()).isZero();
            cache.close();
            open();
            assertThat(cache.lookup(key(1), new CachedResponse())).isTrue();
            assertThat(cache.admin().removeScope("sk-1")).isEqualTo(2);
            assertThat(Thread.currentThread().isInterrupted()).isTrue();
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    /** Blocking violates the sink's contract. Meanwhile others are served, and the cache can be purged and closed. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aSinkThatBlocksHoldsUpOnlyItsOwnThread(boolean isHit) throws Exception {
        CountDownLatch blocked = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        store(1, LONG);
        Doing sink = new Doing(Moment.CHUNK, () -> {
            blocked.countDown();
            awaitQuietly(release);
        });
        CompletableFuture<Void> stuck = CompletableFuture.runAsync(
                () -> cache.respond(request(isHit ? 1 : 2), CacheControls.on(TTL), answering(9), sink), threads);
        blocked.await();
        CompletableFuture<Void> others = CompletableFuture.runAsync(
                () -> {
                    assertThat(cache.lookup(key(1), new CachedResponse())).isTrue();
                    RecordingSink miss = new RecordingSink();
                    cache.respond(request(3), CacheControls.on(TTL), answering(5), miss);
                    assertThat(miss.ended).isTrue();
                    cache.admin().sweep();
                    assertThat(cache.admin().clear()).isPositive();
                    cache.close();
                },
                threads);
        others.get(20, TimeUnit.SECONDS);
        assertThat(stuck).isNotDone();
        release.countDown();
        stuck.get(20, TimeUnit.SECONDS);
        assertThat(sink.ended).isTrue();
        assertThat(sink.text()).contains("x".repeat(isHit ? LONG : 9));
    }

    /** Overwrites all bytes that it gets, as far as the buffer allows. */
    private static final class Scribbler extends RecordingSink {
        @Override
        public void chunk(ByteBuffer bytes) {
            ByteBuffer all = bytes.duplicate();
            super.chunk(bytes);
            all.clear();
            while (!all.isReadOnly() && all.hasRemaining()) {
                all.put((byte) '#');
            }
            if (bytes.hasArray()) {
                Arrays.fill(bytes.array(), bytes.arrayOffset(), bytes.arrayOffset() + bytes.capacity(), (byte) '#');
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {5, 5_000, LONG})
    void aSinkThatWritesIntoItsBuffersSpoilsNoOtherAnswer(int length) {
        byte[] whole = answer(length);
        int half = whole.length / 2;
        ResponseSink[] called = new ResponseSink[1];
        Upstream slow = sink -> {
            called[0] = sink;
            return Upstream.Call.UNSTOPPABLE;
        };
        Scribbler leader = new Scribbler();
        Scribbler follower = new Scribbler();
        RecordingSink other = new RecordingSink();
        for (ResponseSink sink : List.of(leader, follower, other)) {
            cache.respond(request(1), CacheControls.on(TTL), slow, sink);
        }
        send(called[0], Arrays.copyOfRange(whole, 0, half), Arrays.copyOfRange(whole, half, whole.length));
        for (RecordingSink sink : List.of(leader, follower, other)) {
            assertThat(sink.ended).isTrue();
            assertThat(sink.text()).doesNotContain("#").contains("x".repeat(length));
        }
        for (int i = 0; i < 4; i++) {
            Scribbler hit = new Scribbler();
            assertThat(cache.pipeline().respondIfStored(key(1), CacheDirectives.NONE, hit))
                    .isTrue();
            assertThat(hit.text()).doesNotContain("#").contains("x".repeat(length));
        }
    }

    /** Followers read events of a stream from the place where the leader's thread put them. */
    @Test
    void aSinkThatWritesIntoAStreamSpoilsNoOtherAnswer() {
        ResponseSink[] called = new ResponseSink[1];
        Upstream slow = sink -> {
            called[0] = sink;
            return Upstream.Call.UNSTOPPABLE;
        };
        CacheRequest streamed = CacheRequest.of(Endpoint.CHAT, "sk-1", utf8("{\"model\":\"m\",\"stream\":true}"));
        List<RecordingSink> sinks =
                List.of(new Scribbler(), new Scribbler(), new RecordingSink(), new Scribbler(), new RecordingSink());
        for (RecordingSink sink : sinks) {
            cache.respond(streamed, CacheControls.on(TTL), slow, sink);
        }
        called[0].head(new ResponseHead(200, "text/event-stream", null, -1, null, null, Map.of()));
        for (int i = 0; i < 50; i++) {
            called[0].chunk(
                    ByteBuffer.wrap(utf8("data: {\"id\":\"c\",\"created\":1,\"choices\":[{\"index\":0,\"delta\":"
                            + "{\"content\":\"word" + i + "\"}}]}\n\n")));
        }
        called[0].chunk(ByteBuffer.wrap(utf8("data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},"
                + "\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")));
        called[0].end();
        for (RecordingSink sink : sinks) {
            assertThat(sink.ended).isTrue();
            assertThat(sink.text()).doesNotContain("#").contains("word0", "word49", "[DONE]");
        }
        RecordingSink hit = new RecordingSink();
        assertThat(cache.pipeline().respondIfStored(cache.key(streamed).orElseThrow(), CacheDirectives.NONE, hit))
                .isTrue();
        assertThat(hit.text()).doesNotContain("#").contains("word0", "word49", "[DONE]");
    }

    /** Buffers of every kind, from any position, and empty ones. */
    @Test
    void anUpstreamMayBringItsBytesInAnyBuffer() {
        byte[] whole = answer(500);
        ByteBuffer direct = ByteBuffer.allocateDirect(whole.length + 7)
                .position(7)
                .put(whole)
                .position(7);
        ByteBuffer offset = ByteBuffer.wrap(Arrays.copyOf(whole, whole.length + 9), 0, whole.length)
                .slice();
        int number = 10;
        for (ByteBuffer bytes : List.of(
                direct,
                direct.duplicate().asReadOnlyBuffer(),
                offset,
                ByteBuffer.wrap(whole).asReadOnlyBuffer())) {
            RecordingSink sink = new RecordingSink();
            int now = number++;
            cache.respond(
                    request(now),
                    CacheControls.on(TTL),
                    to -> {
                        to.head(new ResponseHead(200, "application/json", null, -1, null, null, Map.of()));
                        to.chunk(ByteBuffer.allocate(0));
                        to.chunk(bytes.duplicate());
                        to.chunk(ByteBuffer.allocateDirect(0));
                        to.end();
                        return Upstream.Call.UNSTOPPABLE;
                    },
                    sink);
            assertThat(sink.body.toByteArray()).isEqualTo(whole);
            assertThat(cache.lookup(key(now), new CachedResponse())).isTrue();
        }
    }

    /** An upstream that calls its sink in an impossible order ends its own request. The next request is served. */
    @Test
    void anUpstreamOutOfOrderHarmsItsOwnRequestAlone() {
        List<Upstream> wrong = List.of(
                sink -> null,
                sink -> {
                    sink.head(null);
                    return Upstream.Call.UNSTOPPABLE;
                },
                sink -> {
                    sink.head(new ResponseHead(200, "application/json", null, -1, null, null, Map.of()));
                    sink.chunk(null);
                    return Upstream.Call.UNSTOPPABLE;
                },
                sink -> {
                    sink.chunk(ByteBuffer.wrap(answer(5)));
                    sink.end();
                    return Upstream.Call.UNSTOPPABLE;
                },
                sink -> {
                    sink.end();
                    return Upstream.Call.UNSTOPPABLE;
                },
                sink -> {
                    sink.fail(null);
                    return Upstream.Call.UNSTOPPABLE;
                },
                sink -> {
                    send(sink, answer(5));
                    send(sink, answer(6));
                    return null;
                });
        for (int i = 0; i < wrong.size(); i++) {
            CacheRequest request = request(100 + i);
            try {
                cache.respond(request, CacheControls.on(TTL), wrong.get(i), new RecordingSink());
            } catch (RuntimeException | AssertionError e) {
                // The exception may reach the upstream that is to blame.
            }
            RecordingSink sink = new RecordingSink();
            cache.respond(request, new CacheControls(true, TTL, true), answering(7), sink);
            assertThat(sink.ended).as("after %s", i).isTrue();
            assertThat(sink.text()).contains("x".repeat(7)).doesNotContain("x".repeat(8));
        }
        assertThat(cache.admin().memory().usedBytes()).isZero();
    }

    @Test
    void whatIsNullOrOutOfRangeIsRefusedAtOnce() {
        assertThatThrownBy(() -> cache.key(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> cache.store(null, "application/json", answer(5), TTL))
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> cache.store(key(1), "application/json", null, TTL))
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> cache.store(key(1), "application/json", answer(5), Duration.ZERO))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> cache.lookup(null, new CachedResponse())).isInstanceOf(NullPointerException.class);
        assertThat(cache.admin().memory().usedBytes()).isZero();
        store(1, 5);
        assertThat(cache.lookup(key(1), new CachedResponse())).isTrue();
    }
}
