package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.CHAT_STREAM;
import static dev.refrain.engine.SampleAnswers.chat;
import static dev.refrain.engine.SampleAnswers.utf8;
import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.shared.ForwardingTier;
import dev.refrain.engine.shared.HeapTier;
import dev.refrain.engine.spi.SharedTier;
import dev.refrain.engine.spi.SharedTierException;
import dev.refrain.engine.stats.SharedStats;
import dev.refrain.testing.MovableClock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Wire rules W90 to W92 through the embedders' API: what caches on several machines share.
 *
 * <p>Long, since each thing that may happen between machines is a short test of its own.
 */
class SharedTierTest {
    private static final byte[] SECRET = utf8("a secret of a cluster, of 32 bytes or more");
    private static final Duration TTL = Duration.ofMinutes(5);
    private static final CacheControls ON = CacheControls.on(TTL);

    @TempDir
    Path folder;

    /** The tier's clock, in microseconds. {@link #pass} moves it, and each reading moves it by one. */
    private final AtomicLong micros = new AtomicLong(1_800_000_000_000_000L);

    private final AtomicLong nanos = new AtomicLong();
    private final HeapTier.Engine engine = new HeapTier.Engine(micros::incrementAndGet, 16 << 20, 1_000);
    private final List<ResponseCache> caches = new ArrayList<>();
    private final AtomicInteger calls = new AtomicInteger();
    private String answer = CHAT_ANSWER;

    /** One machine with its clock, connection and cache. */
    private final class Machine {
        final MovableClock clock = new MovableClock();
        final HeapTier tier = engine.machine();
        final ResponseCache cache;

        Machine(byte[] secret) throws IOException {
            this(secret, builder -> {});
        }

        Machine(byte[] secret, java.util.function.Consumer<ResponseCacheBuilder> more) throws IOException {
            ResponseCacheBuilder builder = ResponseCache.onHeap(4 << 20)
                    .clock(clock)
                    .ticker(nanos::get)
                    .sharedTier(tier, secret);
            more.accept(builder);
            cache = builder.open();
            caches.add(cache);
            until(() -> stats().isConnected());
        }

        SharedStats stats() {
            return cache.admin().shared().orElseThrow();
        }

        RecordingSink ask(CacheRequest request, CacheControls controls) {
            RecordingSink sink = new RecordingSink();
            CompletableFuture<Void> over = new CompletableFuture<>();
            cache.respond(request, controls, provider(), new ResponseSink() {
                @Override
                public void head(ResponseHead head) {
                    sink.head(head);
                }

                @Override
                public void chunk(ByteBuffer bytes) {
                    sink.chunk(bytes);
                }

                @Override
                public void end() {
                    sink.end();
                    over.complete(null);
                }

                @Override
                public void fail(Throwable cause) {
                    sink.fail(cause);
                    over.complete(null);
                }
            });
            over.orTimeout(30, TimeUnit.SECONDS).join();
            return sink;
        }

        RecordingSink ask(String body) {
            return ask(chat(body), ON);
        }

        /** Asks, and waits until the fetched answer is in the tier. */
        void share(String body) {
            long before = stats().stores();
            ask(body);
            until(() -> stats().stores() > before);
        }
    }

    private Upstream provider() {
        return sink -> {
            calls.incrementAndGet();
            String type = answer.startsWith("{") ? "application/json" : "text/event-stream";
            byte[] body = utf8(answer);
            sink.head(new ResponseHead(
                    200, type, null, answer.startsWith("{") ? body.length : -1, "gen-source", null, Map.of()));
            sink.chunk(ByteBuffer.wrap(body));
            sink.end();
            return Upstream.Call.UNSTOPPABLE;
        };
    }

    @AfterEach
    void close() {
        caches.forEach(ResponseCache::close);
    }

    private void pass(Duration time, Machine... machines) {
        micros.addAndGet(time.toNanos() / 1_000);
        nanos.addAndGet(time.toNanos());
        for (Machine machine : machines) {
            machine.clock.advance(time);
        }
    }

    private static byte[] digest(ResponseCache cache, String body) {
        byte[] digest = new byte[CacheKey.LENGTH];
        cache.key(chat(body)).orElseThrow().copyTo(digest, 0);
        return digest;
    }

    private byte[] inTier(Machine machine, String body) {
        return machine.tier
                .get(digest(machine.cache, body))
                .toCompletableFuture()
                .join()
                .entry();
    }

    /** Clients block all threads, although they should not. The next answer waits, and counts in the budget. */
    @Test
    void answersThatHaveArrivedCountInTheBudgetOfMemory() throws Exception {
        int threads = Math.max(2, Math.min(8, Runtime.getRuntime().availableProcessors()));
        Machine one = new Machine(SECRET);
        MemoryBudget budget = new MemoryBudget(16 << 20);
        Machine other = new Machine(SECRET, builder -> builder.memory(budget));
        CountDownLatch held = new CountDownLatch(threads);
        CountDownLatch goOn = new CountDownLatch(1);
        CountDownLatch over = new CountDownLatch(threads + 1);
        long before = budget.usedBytes();
        for (int i = 0; i <= threads; i++) {
            String request = CHAT_REQUEST.replace("hello", "hello " + i);
            one.share(request);
            if (i == threads) {
                assertThat(held.await(60, TimeUnit.SECONDS)).isTrue();
            }
            long used = budget.usedBytes();
            other.cache.respond(chat(request), ON, provider(), new RecordingSink() {
                @Override
                public void head(ResponseHead head) {
                    held.countDown();
                    try {
                        assertThat(goOn.await(60, TimeUnit.SECONDS)).isTrue();
                    } catch (InterruptedException e) {
                        throw new AssertionError(e);
                    }
                    super.head(head);
                }

                @Override
                public void end() {
                    over.countDown();
                }
            });
            if (i == threads) {
                assertThat(budget.usedBytes()).isEqualTo(used + inTier(one, request).length);
            }
        }
        goOn.countDown();
        assertThat(over.await(60, TimeUnit.SECONDS)).isTrue();
        until(() -> budget.usedBytes() == before);
        assertThat(other.stats().hits()).isEqualTo(threads + 1);

        // An answer without room in the budget is a miss.
        String last = CHAT_REQUEST.replace("hello", "hello last");
        one.share(last);
        int called = calls.get();
        budget.reserve(budget.limitBytes() * 15 / 16, MemoryBudget.Use.UNDER_WAY);
        budget.reserve(budget.limitBytes() / 16 - 10, MemoryBudget.Use.UNDER_WAY);
        other.ask(last);
        assertThat(calls).hasValue(called + 1);
        assertThat(other.stats().rejects()).isOne();
    }

    // ---- hits

    @Test
    void w90_anAnswerOfAnotherMachineIsASharedHitAndThenALocalOne() throws IOException {
        Machine one = new Machine(SECRET);
        Machine other = new Machine(SECRET);
        one.share(CHAT_REQUEST);

        RecordingSink shared = other.ask(CHAT_REQUEST);
        RecordingSink own = other.ask(CHAT_REQUEST);

        assertThat(calls).hasValue(1);
        assertThat(shared.head.cache()).isInstanceOfSatisfying(CacheOutcome.SharedHit.class, hit -> {
            assertThat(hit.stored()).isTrue();
            assertThat(hit.entry().sourceId()).isEqualTo("gen-source");
            assertThat(hit.entry().savings().tokens()).isEqualTo(21);
        });
        assertThat(own.head.cache()).isInstanceOf(CacheOutcome.Hit.class);
        assertThat(shared.text())
                .contains("Hello")
                .contains("\"total_tokens\":0")
                .contains(shared.head.generationId());
        assertThat(other.stats().hits()).isOne();
        assertThat(one.stats().misses()).isOne();
    }

    @Test
    void w90_streamsAreSharedToo() throws IOException {
        answer = CHAT_STREAM;
        String request = "{\"stream\":true,\"model\":\"m\",\"messages\":[]}";
        Machine one = new Machine(SECRET);
        Machine other = new Machine(SECRET);
        one.share(request);

        RecordingSink shared = other.ask(request);

        assertThat(calls).hasValue(1);
        assertThat(shared.head.cache()).isInstanceOf(CacheOutcome.SharedHit.class);
        assertThat(shared.text()).contains("Hello").endsWith("data: [DONE]\n\n");
    }

    @Test
    void w90_aPromotedAnswerHasItsRemainingLife() throws IOException {
        Machine one = new Machine(SECRET);
        Machine other = new Machine(SECRET);
        one.share(CHAT_REQUEST);
        pass(Duration.ofSeconds(100), one, other);

        CacheOutcome.SharedHit shared =
                (CacheOutcome.SharedHit) other.ask(CHAT_REQUEST).head.cache();
        pass(Duration.ofSeconds(100), one, other);
        CacheOutcome.Hit own = (CacheOutcome.Hit) other.ask(CHAT_REQUEST).head.cache();
        pass(Duration.ofSeconds(101), one, other);
        other.ask(CHAT_REQUEST);

        assertThat(shared.entry().ageSeconds()).isEqualTo(100);
        assertThat(shared.entry().ttlSeconds()).isEqualTo(200);
        assertThat(own.ageSeconds()).isEqualTo(200);
        assertThat(own.ttlSeconds()).isEqualTo(100);
        assertThat(calls).hasValue(2);
    }

    @Test
    void w90_clocksOfMachinesMayDiffer() throws IOException {
        Machine one = new Machine(SECRET);
        Machine ahead = new Machine(SECRET);
        ahead.clock.advance(Duration.ofHours(1));
        Machine behind = new Machine(SECRET);
        behind.clock.advance(Duration.ofHours(-1));
        one.share(CHAT_REQUEST);
        pass(Duration.ofSeconds(10), one, ahead, behind);

        for (Machine machine : List.of(ahead, behind)) {
            CacheOutcome.SharedHit hit =
                    (CacheOutcome.SharedHit) machine.ask(CHAT_REQUEST).head.cache();
            assertThat(hit.entry().ageSeconds()).isEqualTo(10);
            assertThat(hit.entry().ttlSeconds()).isEqualTo(290);
            assertThat(machine.ask(CHAT_REQUEST).head.cache()).isInstanceOf(CacheOutcome.Hit.class);
        }
        assertThat(calls).hasValue(1);
    }

    @Test
    void w90_anAnswerThatIsTooOldForTheRequestIsFetched() throws IOException {
        Machine one = new Machine(SECRET);
        Machine other = new Machine(SECRET);
        one.share(CHAT_REQUEST);
        pass(Duration.ofSeconds(100), one, other);

        RecordingSink fresh = other.ask(
                chat(CHAT_REQUEST),
                new CacheControls(true, TTL, false, new CacheDirectives(false, false, 60, false, 0)));

        assertThat(fresh.head.cache()).isInstanceOf(CacheOutcome.Miss.class);
        assertThat(calls).hasValue(2);
    }

    @Test
    void anotherSecretSharesNothing() throws IOException {
        Machine one = new Machine(SECRET);
        Machine stranger = new Machine(utf8("another secret, of 32 bytes or more, too"));
        one.share(CHAT_REQUEST);

        assertThat(stranger.ask(CHAT_REQUEST).head.cache()).isInstanceOf(CacheOutcome.Miss.class);
        assertThat(digest(one.cache, CHAT_REQUEST)).isNotEqualTo(digest(stranger.cache, CHAT_REQUEST));
        assertThatThrownBy(() -> ResponseCache.onHeap(1 << 20).sharedTier(engine.machine(), utf8("short secret")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageNotContaining("short secret");
    }

    @Test
    void aMachineMayOnlyReadOrOnlyWrite() throws IOException {
        Machine reader = new Machine(SECRET, builder -> builder.sharedAccess(true, false));
        Machine writer = new Machine(SECRET, builder -> builder.sharedAccess(false, true));
        reader.ask("{\"n\":1}");
        writer.share("{\"n\":2}");

        assertThat(reader.ask("{\"n\":2}").head.cache()).isInstanceOf(CacheOutcome.SharedHit.class);
        assertThat(inTier(reader, "{\"n\":1}")).isNull();
        Machine both = new Machine(SECRET);
        both.share("{\"n\":3}");
        assertThat(writer.ask("{\"n\":3}").head.cache()).isInstanceOf(CacheOutcome.Miss.class);
    }

    @Test
    void w26b_anIdOfAnotherMachinesHitIsKnownHere() throws IOException {
        answer = "{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":1,\"status\":\"completed\",\"output\":[],"
                + "\"usage\":{\"input_tokens\":1}}";
        CacheRequest request =
                CacheRequest.of(Endpoint.RESPONSES, "sk-test", utf8("{\"model\":\"m\",\"input\":\"x\"}"));
        Machine one = new Machine(SECRET);
        Machine other = new Machine(SECRET);
        one.ask(request, ON);
        until(() -> one.stats().stores() == 1);
        String ofOne = one.ask(request, ON).head.generationId();

        String ofOther = other.ask(request, ON).head.generationId();

        CacheScope scope = other.cache.pipeline().scope("sk-test");
        assertThat(other.cache.pipeline().providerId(scope, ofOther)).contains("resp_1");
        assertThat(other.cache.pipeline().providerId(scope, ofOne)).contains("resp_1");
    }

    // ---- in the flight

    /** A tier whose lookups wait for the test. */
    private static final class HeldTier extends ForwardingTier {
        final ConcurrentLinkedQueue<CompletableFuture<Found>> lookups = new ConcurrentLinkedQueue<>();

        HeldTier(SharedTier tier) {
            super(tier);
        }

        @Override
        public CompletionStage<Found> get(byte[] key) {
            CompletableFuture<Found> held = new CompletableFuture<>();
            lookups.add(held);
            return held;
        }
    }

    private ResponseCache cache(SharedTier tier, boolean cancel) throws IOException {
        ResponseCache cache = ResponseCache.onHeap(4 << 20)
                .ticker(nanos::get)
                .cancelWhenAbandoned(cancel)
                .sharedTier(tier, SECRET)
                .open();
        caches.add(cache);
        until(() -> cache.admin().shared().orElseThrow().isConnected());
        return cache;
    }

    @Test
    void manyWaitersCostOneLookUpAndNoThreadWaits() throws IOException {
        Machine one = new Machine(SECRET);
        one.share(CHAT_REQUEST);
        SharedTier.Found found = one.tier
                .get(digest(one.cache, CHAT_REQUEST))
                .toCompletableFuture()
                .join();
        HeldTier tier = new HeldTier(engine.machine());
        ResponseCache cache = cache(tier, false);
        List<CompletableFuture<WholeAnswer>> waiters = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            waiters.add(cache.respond(chat(CHAT_REQUEST), ON, provider()).toCompletableFuture());
        }

        assertThat(tier.lookups).hasSize(1);
        assertThat(waiters).noneMatch(CompletableFuture::isDone);
        tier.lookups.remove().complete(found);

        assertThat(waiters)
                .allSatisfy(waiter -> assertThat(waiter.orTimeout(30, TimeUnit.SECONDS)
                                .join()
                                .head()
                                .cache())
                        .isInstanceOf(CacheOutcome.SharedHit.class));
        assertThat(tier.lookups).isEmpty();
        assertThat(calls).hasValue(1);
    }

    @Test
    void waitersOfALookUpThatFindsNothingShareTheCall() throws IOException {
        HeldTier tier = new HeldTier(engine.machine());
        ResponseCache cache = cache(tier, false);
        var leader = cache.respond(chat(CHAT_REQUEST), ON, provider()).toCompletableFuture();
        var follower = cache.respond(chat(CHAT_REQUEST), ON, provider()).toCompletableFuture();

        tier.lookups.remove().complete(new SharedTier.Found(null, micros.incrementAndGet()));

        assertThat(leader.orTimeout(30, TimeUnit.SECONDS).join().head().cache()).isInstanceOf(CacheOutcome.Miss.class);
        assertThat(follower.orTimeout(30, TimeUnit.SECONDS).join().head().cache())
                .isInstanceOf(CacheOutcome.Collapsed.class);
        assertThat(calls).hasValue(1);
    }

    @Test
    void w29_aClientThatLeavesDuringTheLookUpCausesNoCall() throws IOException {
        HeldTier tier = new HeldTier(engine.machine());
        ResponseCache cache = cache(tier, true);
        cache.respond(chat(CHAT_REQUEST), ON, provider()).toCompletableFuture().cancel(false);

        tier.lookups.remove().complete(new SharedTier.Found(null, micros.incrementAndGet()));

        until(() -> cache.admin().joinableFlights() == 0);
        assertThat(calls).hasValue(0);
    }

    @Test
    void aClearDuringTheLookUpIsNotUndoneByItsResult() throws IOException {
        Machine one = new Machine(SECRET);
        one.share(CHAT_REQUEST);
        SharedTier.Found old = one.tier
                .get(digest(one.cache, CHAT_REQUEST))
                .toCompletableFuture()
                .join();
        HeldTier tier = new HeldTier(engine.machine());
        ResponseCache cache = cache(tier, false);
        var before = cache.respond(chat(CHAT_REQUEST), ON, provider()).toCompletableFuture();
        answer = CHAT_ANSWER.replace("Hello", "Newer");
        cache.respond(chat(CHAT_REQUEST), new CacheControls(true, TTL, true), provider())
                .toCompletableFuture()
                .join();

        tier.lookups.remove().complete(old);

        before.orTimeout(30, TimeUnit.SECONDS).join();
        CachedResponse stored = new CachedResponse();
        assertThat(!cache.lookup(cache.key(chat(CHAT_REQUEST)).orElseThrow(), stored)
                        || new String(stored.toByteArray(), StandardCharsets.UTF_8).contains("Newer"))
                .as("what is stored is not the old answer")
                .isTrue();
    }

    // ---- failures

    @Test
    void w92_aTierThatFailsCostsNothingButTheHit() throws IOException {
        HeldTier tier = new HeldTier(engine.machine());
        ResponseCache cache = cache(tier, false);
        var leader = cache.respond(chat(CHAT_REQUEST), ON, provider()).toCompletableFuture();

        tier.lookups.remove().completeExceptionally(new SharedTierException("no answer in time", null));

        assertThat(leader.orTimeout(30, TimeUnit.SECONDS).join().head().cache())
                .isEqualTo(new CacheOutcome.Miss(300, true, ForwardReason.MISS, true));
        assertThat(cache.respond(chat(CHAT_REQUEST), ON, provider())
                        .toCompletableFuture()
                        .join()
                        .head()
                        .cache())
                .isInstanceOf(CacheOutcome.Hit.class);
    }

    @Test
    void w92_withoutATierTheUpstreamIsCalledAtOnce() throws IOException {
        Machine one = new Machine(SECRET);
        one.tier.cut();
        RecordingSink sink = new RecordingSink();

        one.cache.respond(chat(CHAT_REQUEST), ON, provider(), sink);

        assertThat(sink.ended).isTrue();
        assertThat(sink.head.cache()).isEqualTo(new CacheOutcome.Miss(300, true, ForwardReason.MISS, true));
        assertThat(one.stats().failures()).isOne();
        assertThat(one.stats().isAvailable()).isFalse();
    }

    // ---- contents

    @Test
    void theTierHoldsNothingOfPromptsAndAnswers() throws IOException {
        Machine one = new Machine(SECRET);
        answer = CHAT_ANSWER.replace("Hello", "The quick brown fox jumps over the lazy dog. ".repeat(20));
        one.share(CHAT_REQUEST);

        byte[] sealed = inTier(one, CHAT_REQUEST);

        String dump = new String(sealed, StandardCharsets.ISO_8859_1);
        for (String secret : List.of(CHAT_REQUEST, answer)) {
            for (int at = 0; at + 8 <= secret.length(); at++) {
                assertThat(dump).doesNotContain(secret.substring(at, at + 8));
            }
        }
    }

    @Test
    void entriesThatWereCraftedOrMovedAreMisses() throws IOException {
        Machine one = new Machine(SECRET);
        Machine other = new Machine(SECRET);
        one.share("{\"n\":1}");
        byte[] genuine = inTier(one, "{\"n\":1}");
        List<byte[]> hostile = new ArrayList<>();
        hostile.add(new byte[0]);
        hostile.add(new byte[200]);
        hostile.add(genuine);
        hostile.add(Arrays.copyOf(genuine, genuine.length - 1));
        for (int i = 0; i < hostile.size(); i++) {
            String body = "{\"victim\":" + i + "}";
            one.tier
                    .put(digest(one.cache, body), hostile.get(i), micros.incrementAndGet(), 60_000)
                    .toCompletableFuture()
                    .join();
            assertThat(other.ask(body).head.cache()).isInstanceOf(CacheOutcome.Miss.class);
        }
        assertThat(other.stats().rejects()).isEqualTo(hostile.size());
    }

    // ---- removals

    @Test
    void w91_aClearHoldsOnAllMachines() throws IOException {
        Machine one = new Machine(SECRET);
        Machine other = new Machine(SECRET);
        one.share(CHAT_REQUEST);
        other.ask(CHAT_REQUEST);
        answer = CHAT_ANSWER.replace("Hello", "Newer");
        long before = one.stats().stores();

        one.ask(chat(CHAT_REQUEST), new CacheControls(true, TTL, true));
        until(() -> one.stats().stores() > before);
        until(() -> !other.cache.lookup(other.cache.key(chat(CHAT_REQUEST)).orElseThrow(), new CachedResponse()));

        assertThat(other.ask(CHAT_REQUEST).text()).contains("Newer");
        assertThat(one.ask(CHAT_REQUEST).text()).contains("Newer");
        assertThat(calls).hasValue(2);
    }

    /** Without the time of the clear, its fetch would count as one that began before the clear. */
    @Test
    void w91_theAnswerOfAClearIsSharedOnceTheTimeOfTheClearIsKnown() throws IOException {
        CompletableFuture<Void> told = new CompletableFuture<>();
        ResponseCache cache = cache(
                new ForwardingTier(engine.machine()) {
                    @Override
                    public CompletionStage<Long> remove(byte[] key, long rememberMillis) {
                        return super.remove(key, rememberMillis).thenCombine(told, (removed, nothing) -> removed);
                    }
                },
                false);
        cache.respond(chat(CHAT_REQUEST), new CacheControls(true, TTL, true), provider())
                .toCompletableFuture()
                .orTimeout(30, TimeUnit.SECONDS)
                .join();
        // Entries are sent in order: once this one is stored, the first one would have been.
        cache.respond(chat(CHAT_REQUEST.replace("hello", "goodbye")), ON, provider())
                .toCompletableFuture()
                .orTimeout(30, TimeUnit.SECONDS)
                .join();
        until(() -> cache.admin().shared().orElseThrow().stores() == 1);

        told.complete(null);

        until(() -> cache.admin().shared().orElseThrow().stores() == 2);
        assertThat(cache.admin().shared().orElseThrow().storesLost()).isZero();
    }

    private static CacheRequest inNamespace(Machine machine) {
        CachePipeline pipeline = machine.cache.pipeline();
        KeyContext context = pipeline.context(Endpoint.CHAT, pipeline.scope("sk-test"))
                .namespace("evals")
                .build();
        return CacheRequest.of(context, utf8(CHAT_REQUEST));
    }

    @Test
    void w91_aPurgeOfANamespaceHoldsOnAllMachines() throws IOException {
        Machine one = new Machine(SECRET);
        Machine other = new Machine(SECRET);
        one.share(CHAT_REQUEST);
        long before = one.stats().stores();
        one.ask(inNamespace(one), ON);
        until(() -> one.stats().stores() > before);
        other.ask(CHAT_REQUEST);
        assertThat(other.ask(inNamespace(other), ON).head.cache()).isInstanceOf(CacheOutcome.SharedHit.class);
        assertThat(other.cache.admin().namespaces()).hasToString("[NamespaceFacts[name=evals, entries=1]]");

        assertThat(one.cache.admin().removeNamespace("evals")).isEqualTo(1);

        assertThat(other.cache.admin().namespaces()).isEmpty();
        assertThat(other.cache.lookup(other.cache.key(inNamespace(other)).orElseThrow(), new CachedResponse()))
                .isFalse();
        assertThat(other.cache.lookup(other.cache.key(chat(CHAT_REQUEST)).orElseThrow(), new CachedResponse()))
                .isTrue();
        assertThat(other.ask(inNamespace(other), ON).head.cache()).isInstanceOf(CacheOutcome.Miss.class);
    }

    /** A tier that is slow for a moment keeps its connection, so no reconnection triggers another attempt. */
    @Test
    void w91_aRemovalThatTheTierRefusedIsAnnouncedWithTheNextHeartbeat() throws IOException {
        Machine other = new Machine(SECRET);
        other.share(CHAT_REQUEST);
        AtomicBoolean refuses = new AtomicBoolean(true);
        AtomicReference<SharedTier.Listener> heart = new AtomicReference<>();
        ResponseCache cache = cache(
                new ForwardingTier(engine.machine()) {
                    @Override
                    public CompletionStage<SharedTier.Raised> raise(byte[] barrier) {
                        return refuses.get()
                                ? CompletableFuture.failedStage(new SharedTierException("slow", null))
                                : super.raise(barrier);
                    }

                    @Override
                    public void listen(long sinceMicros, SharedTier.Listener listener) {
                        heart.set(listener);
                        super.listen(sinceMicros, listener);
                    }
                },
                false);
        until(() -> cache.admin().shared().orElseThrow().isConnected());
        cache.admin().clear();
        assertThat(other.cache.lookup(other.cache.key(chat(CHAT_REQUEST)).orElseThrow(), new CachedResponse()))
                .isTrue();
        refuses.set(false);

        heart.get().caughtUp(micros.get());

        until(() -> !other.cache.lookup(other.cache.key(chat(CHAT_REQUEST)).orElseThrow(), new CachedResponse()));
    }

    @Test
    void w91_purgesHoldOnAllMachinesWhenTheyReturn() throws IOException {
        Machine one = new Machine(SECRET);
        Machine other = new Machine(SECRET);
        String digest = one.cache.key(chat(CHAT_REQUEST)).orElseThrow().digest();
        List<Runnable> purges = List.of(
                () -> one.cache.admin().clear(),
                () -> one.cache.admin().removeScope("sk-test"),
                () -> one.cache
                        .admin()
                        .removeScopeTagged(
                                one.cache.key(chat(CHAT_REQUEST)).orElseThrow().scope()),
                () -> one.cache.admin().removeModel("acme/large"),
                () -> one.cache.admin().removeDigest(digest),
                () -> one.cache.admin().removeDigest(digest.substring(0, 12)));
        for (Runnable purge : purges) {
            one.share(CHAT_REQUEST);
            assertThat(other.ask(CHAT_REQUEST).head.cache()).isInstanceOf(CacheOutcome.SharedHit.class);
            calls.set(0);

            purge.run();

            assertThat(other.ask(CHAT_REQUEST).head.cache()).isInstanceOf(CacheOutcome.Miss.class);
            assertThat(calls).hasValue(1);
            purge.run();
        }
    }

    @Test
    void w91_aPurgeSparesWhatItDoesNotName() throws IOException {
        Machine one = new Machine(SECRET);
        Machine other = new Machine(SECRET);
        one.share(CHAT_REQUEST);
        other.ask(CHAT_REQUEST);

        one.cache.admin().removeScope("sk-other");
        one.cache.admin().removeModel("acme/small");

        assertThat(other.ask(CHAT_REQUEST).head.cache()).isInstanceOf(CacheOutcome.Hit.class);
        assertThat(calls).hasValue(1);
    }

    /** The machine that takes the answer back has evicted it, or never had it. */
    @Test
    void w85_anAnswerThatIsNotStoredHereIsTakenBackElsewhere() throws IOException {
        Machine one = new Machine(SECRET);
        Machine other = new Machine(SECRET);
        one.share(CHAT_REQUEST);
        String digest = one.cache.key(chat(CHAT_REQUEST)).orElseThrow().shortDigest();
        answer = CHAT_ANSWER.replace("Hello", "Newer");

        other.cache.pipeline().takeBack(digest, "gen-any");

        assertThat(other.ask(CHAT_REQUEST).text()).contains("Newer");
        assertThat(one.ask(CHAT_REQUEST).text()).contains("Newer");
    }

    /** The answer is removed on this and other machines. An answer that has replaced it here stays. */
    @Test
    void w85_anAnswerThatIsTakenBackIsRemovedOnAllMachines() throws IOException {
        Machine one = new Machine(SECRET);
        Machine other = new Machine(SECRET);
        one.share(CHAT_REQUEST);
        other.ask(CHAT_REQUEST);
        CacheKey key = one.cache.key(chat(CHAT_REQUEST)).orElseThrow();
        String source = one.cache.admin().inspect(key).orElseThrow().sourceId();

        one.cache.pipeline().takeBack(key.shortDigest(), "gen-another");
        until(() -> other.cache.admin().inspect(key).isEmpty());
        assertThat(one.cache.admin().inspect(key)).isPresent();

        one.cache.pipeline().takeBack(key.shortDigest(), source);
        assertThat(one.cache.admin().inspect(key)).isEmpty();
        answer = CHAT_ANSWER.replace("Hello", "Newer");
        assertThat(other.ask(CHAT_REQUEST).text()).contains("Newer");
    }

    @Test
    void w91_aMachineThatWasCutOffCatchesUp() throws IOException {
        Machine one = new Machine(SECRET);
        Machine other = new Machine(SECRET);
        one.share(CHAT_REQUEST);
        other.ask(CHAT_REQUEST);
        other.tier.cut();
        until(() -> !other.stats().isConnected());

        one.cache.admin().removeModel("acme/large");
        CacheOutcome meanwhile = other.ask(CHAT_REQUEST).head.cache();
        other.tier.join();
        until(() -> other.stats().isConnected());

        assertThat(meanwhile).isInstanceOf(CacheOutcome.Hit.class);
        assertThat(other.ask(CHAT_REQUEST).head.cache()).isInstanceOf(CacheOutcome.Miss.class);
    }

    @Test
    void w91_aRemovalDuringAnOutageIsAnnouncedLater() throws IOException {
        Machine one = new Machine(SECRET);
        Machine other = new Machine(SECRET);
        one.share(CHAT_REQUEST);
        other.ask(CHAT_REQUEST);
        one.tier.cut();
        until(() -> !one.stats().isConnected());
        one.cache.admin().removeModel("acme/large");
        one.cache.remove(one.cache.key(chat("{\"n\":1}")).orElseThrow());

        assertThat(other.ask(CHAT_REQUEST).head.cache()).isInstanceOf(CacheOutcome.Hit.class);
        one.tier.join();

        until(() -> !other.cache.lookup(other.cache.key(chat(CHAT_REQUEST)).orElseThrow(), new CachedResponse()));
    }

    /** A local hit takes the same time whatever the tier does. */
    @Test
    void w92_aLocalHitDoesNotAskTheTier() throws IOException {
        AtomicInteger asked = new AtomicInteger();
        SharedTier tier = new ForwardingTier(engine.machine()) {
            @Override
            public CompletionStage<Found> get(byte[] key) {
                asked.incrementAndGet();
                return super.get(key);
            }

            @Override
            public CompletionStage<Boolean> put(byte[] key, byte[] entry, long startedMicros, long lifeMillis) {
                asked.incrementAndGet();
                return super.put(key, entry, startedMicros, lifeMillis);
            }

            @Override
            public CompletionStage<Lease> lease(byte[] key, long millis, long wantedMillis) {
                asked.incrementAndGet();
                return super.lease(key, millis, wantedMillis);
            }
        };
        ResponseCache cache =
                ResponseCache.onHeap(4 << 20).sharedTier(tier, SECRET).open();
        caches.add(cache);
        until(() -> cache.admin().shared().orElseThrow().isConnected());
        cache.respond(chat(CHAT_REQUEST), ON, provider()).toCompletableFuture().join();
        until(() -> cache.admin().shared().orElseThrow().stores() == 1);
        assertThat(asked).hasPositiveValue();
        asked.set(0);

        for (int i = 0; i < 10; i++) {
            cache.respond(chat(CHAT_REQUEST), ON, provider())
                    .toCompletableFuture()
                    .join();
        }

        assertThat(asked).hasValue(0);
        assertThat(calls).hasValue(1);
    }

    @Test
    void w91_hitsMayEndWithTheConnection() throws IOException {
        Machine strict = new Machine(SECRET, builder -> builder.sharedMaxUnconnected(Duration.ZERO));
        Machine patient = new Machine(SECRET, builder -> builder.sharedMaxUnconnected(Duration.ofMinutes(1)));
        strict.share(CHAT_REQUEST);
        patient.ask(CHAT_REQUEST);
        for (Machine machine : List.of(strict, patient)) {
            machine.tier.cut();
            until(() -> !machine.stats().isConnected());
        }

        assertThat(strict.ask(CHAT_REQUEST).head.cache()).isInstanceOf(CacheOutcome.Miss.class);
        assertThat(patient.ask(CHAT_REQUEST).head.cache()).isInstanceOf(CacheOutcome.Hit.class);
        pass(Duration.ofMinutes(1), strict, patient);
        assertThat(patient.ask(CHAT_REQUEST).head.cache()).isInstanceOf(CacheOutcome.Miss.class);
        for (Machine machine : List.of(strict, patient)) {
            machine.tier.join();
            until(() -> machine.stats().isConnected());
            assertThat(machine.ask(CHAT_REQUEST).head.cache()).isInstanceOf(CacheOutcome.Hit.class);
        }
    }

    @Test
    void w91_anAnswerWhoseFetchBeganBeforeAPurgeIsStoredNowhere() throws IOException {
        Machine one = new Machine(SECRET);
        Machine other = new Machine(SECRET);
        one.ask("{\"n\":0}");
        List<ResponseSink> fetching = new ArrayList<>();
        var client = one.cache
                .respond(chat(CHAT_REQUEST), ON, sink -> {
                    fetching.add(sink);
                    return Upstream.Call.UNSTOPPABLE;
                })
                .toCompletableFuture();
        until(() -> !fetching.isEmpty());

        other.cache.admin().clear();
        provider().fetch(fetching.get(0));

        assertThat(client.orTimeout(30, TimeUnit.SECONDS).join().head().status())
                .isEqualTo(200);
        assertThat(one.cache.lookup(one.cache.key(chat(CHAT_REQUEST)).orElseThrow(), new CachedResponse()))
                .isFalse();
        assertThat(inTier(other, CHAT_REQUEST)).isNull();
    }

    @Test
    void w91_aRequestAfterAPurgeJoinsNoEarlierCall() throws IOException {
        Machine one = new Machine(SECRET);
        Machine other = new Machine(SECRET);
        List<ResponseSink> fetching = new CopyOnWriteArrayList<>();
        Upstream slow = sink -> {
            fetching.add(sink);
            return Upstream.Call.UNSTOPPABLE;
        };
        var before = one.cache.respond(chat(CHAT_REQUEST), ON, slow).toCompletableFuture();
        until(() -> fetching.size() == 1);

        other.cache.admin().clear();
        answer = CHAT_ANSWER.replace("Hello", "Newer");
        RecordingSink after = one.ask(CHAT_REQUEST);

        assertThat(after.head.cache()).isInstanceOf(CacheOutcome.Miss.class);
        assertThat(after.text()).contains("Newer");
        answer = CHAT_ANSWER;
        provider().fetch(fetching.get(0));
        before.orTimeout(30, TimeUnit.SECONDS).join();
        assertThat(one.ask(CHAT_REQUEST).text()).doesNotContain("Hello");
    }

    /** A lookup has answered its leader. The purge comes before the flight is over. */
    @Test
    void w91_aFollowerOfALookUpGetsNothingFromBeforeAPurge() throws IOException {
        Machine one = new Machine(SECRET);
        one.share(CHAT_REQUEST);
        SharedTier.Found old = one.tier
                .get(digest(one.cache, CHAT_REQUEST))
                .toCompletableFuture()
                .join();
        HeldTier tier = new HeldTier(engine.machine());
        ResponseCache cache = cache(tier, false);
        answer = CHAT_ANSWER.replace("Hello", "Newer");
        List<CompletableFuture<WholeAnswer>> joined = new CopyOnWriteArrayList<>();
        RecordingSink leader = new RecordingSink();
        leader.beforeChunk = () -> {
            one.cache.admin().clear();
            joined.add(cache.respond(chat(CHAT_REQUEST), ON, provider()).toCompletableFuture());
        };
        cache.respond(chat(CHAT_REQUEST), ON, provider(), leader);

        tier.lookups.remove().complete(old);
        until(() -> !tier.lookups.isEmpty());
        tier.lookups.remove().complete(new SharedTier.Found(null, micros.incrementAndGet()));
        // An entry exists, so the machine looks once more when it has the lease.
        until(() -> !tier.lookups.isEmpty());
        tier.lookups.remove().complete(new SharedTier.Found(null, micros.incrementAndGet()));

        until(() -> !joined.isEmpty());
        WholeAnswer got = joined.get(0).orTimeout(30, TimeUnit.SECONDS).join();
        assertThat(new String(got.toByteArray(), StandardCharsets.UTF_8)).contains("Newer");
    }

    @Test
    void w91_aPurgeDuringDowntimeIsAppliedAtTheNextStart() throws IOException {
        Path file = folder.resolve("answers.refrain");
        Machine one = new Machine(SECRET);
        HeapTier first = engine.machine();
        ResponseCache before = ResponseCache.builder(file)
                .capacityBytes(16 << 20)
                .sharedTier(first, SECRET)
                .open();
        until(() -> before.admin().shared().orElseThrow().isConnected());
        before.store(before.key(chat(CHAT_REQUEST)).orElseThrow(), "application/json", utf8(CHAT_ANSWER), TTL);
        before.store(before.key(chat("{\"n\":1}")).orElseThrow(), "application/json", utf8(CHAT_ANSWER), TTL);
        before.close();
        one.cache.admin().removeModel("acme/large");

        HeapTier next = engine.machine();
        try (ResponseCache after = ResponseCache.builder(file)
                .capacityBytes(16 << 20)
                .sharedTier(next, SECRET)
                .open()) {
            until(() -> after.admin().shared().orElseThrow().isConnected());

            assertThat(after.lookup(after.key(chat(CHAT_REQUEST)).orElseThrow(), new CachedResponse()))
                    .isFalse();
            assertThat(after.lookup(after.key(chat("{\"n\":1}")).orElseThrow(), new CachedResponse()))
                    .isTrue();
        }
    }
}
