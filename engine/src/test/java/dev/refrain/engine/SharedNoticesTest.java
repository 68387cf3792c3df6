package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.chat;
import static dev.refrain.engine.SampleAnswers.utf8;
import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.shared.ForwardingTier;
import dev.refrain.engine.shared.HeapTier;
import dev.refrain.engine.spi.SharedTier;
import dev.refrain.engine.spi.SharedTierException;
import dev.refrain.testing.OwnThread;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Wire rule W91 where notices come late or not at all, or where there are more of them than are kept.
 *
 * <p>Long, since each way to be late is a short test of its own.
 */
class SharedNoticesTest {
    private static final byte[] SECRET = utf8("a secret of a cluster, of 32 bytes or more");
    private static final Duration TTL = Duration.ofMinutes(5);
    private static final CacheOutcome UNAVAILABLE = new CacheOutcome.Miss(300, true, ForwardReason.MISS, true);

    @TempDir
    Path folder;

    private final AtomicLong micros = new AtomicLong(1_800_000_000_000_000L);
    private final HeapTier.Engine engine = new HeapTier.Engine(micros::incrementAndGet, 16 << 20, 100_000);
    private final List<ResponseCache> caches = new ArrayList<>();
    private String answer = CHAT_ANSWER;

    @AfterEach
    void close() {
        caches.forEach(ResponseCache::close);
    }

    private Upstream provider() {
        return sink -> {
            byte[] body = utf8(answer);
            sink.head(new ResponseHead(200, "application/json", null, body.length, "gen-source", null, Map.of()));
            sink.chunk(ByteBuffer.wrap(body));
            sink.end();
            return Upstream.Call.UNSTOPPABLE;
        };
    }

    private static Upstream.Call unauthorized(ResponseSink sink) {
        sink.head(new ResponseHead(401, "application/json", null, 2, null, null, Map.of()));
        sink.chunk(ByteBuffer.wrap(utf8("{}")));
        sink.end();
        return Upstream.Call.UNSTOPPABLE;
    }

    private ResponseCache open(ResponseCacheBuilder builder) throws IOException {
        ResponseCache cache = builder.open();
        caches.add(cache);
        return cache;
    }

    private ResponseCache onHeap(SharedTier tier) throws IOException {
        ResponseCache cache = open(ResponseCache.onHeap(4 << 20).sharedTier(tier, SECRET));
        until(() -> isConnected(cache));
        return cache;
    }

    private ResponseCache onFile(SharedTier tier) throws IOException {
        return onFile(folder.resolve("answers.refrain"), tier);
    }

    private ResponseCache onFile(Path file, SharedTier tier) throws IOException {
        return open(ResponseCache.builder(file).capacityBytes(16 << 20).sharedTier(tier, SECRET));
    }

    private static boolean isConnected(ResponseCache cache) {
        return cache.admin().shared().orElseThrow().isConnected();
    }

    private WholeAnswer ask(ResponseCache cache, CacheRequest request, boolean clear) {
        return cache.respond(request, new CacheControls(true, TTL, clear), provider())
                .toCompletableFuture()
                .orTimeout(30, TimeUnit.SECONDS)
                .join();
    }

    private WholeAnswer ask(ResponseCache cache, String body) {
        return ask(cache, chat(body), false);
    }

    private static String text(WholeAnswer answer) {
        return new String(answer.toByteArray(), StandardCharsets.UTF_8);
    }

    private static boolean has(ResponseCache cache, String body) {
        return cache.lookup(cache.key(chat(body)).orElseThrow(), new CachedResponse());
    }

    /** Delivers notices of other machines when the test says so. */
    private static final class LateTier extends ForwardingTier {
        private final AtomicReference<Runnable> listening = new AtomicReference<>();

        LateTier(SharedTier tier) {
            super(tier);
        }

        @Override
        public void listen(long sinceMicros, Listener listener) {
            listening.set(() -> super.listen(sinceMicros, listener));
        }
    }

    /**
     * The tier takes commands before it sends notices, and the machine's file says that the machine knows all removals.
     */
    @Test
    void w91_aRestartedMachineTakesNoPurgedAnswerFromTheTier() throws IOException {
        ResponseCache one = onHeap(engine.machine());
        ask(one, CHAT_REQUEST);
        until(() -> one.admin().shared().orElseThrow().stores() == 1);
        one.admin().removeModel("acme/large");
        ResponseCache before = onFile(engine.machine());
        until(() -> isConnected(before));
        before.close();
        answer = CHAT_ANSWER.replace("Hello", "Newer");

        LateTier tier = new LateTier(engine.machine());
        ResponseCache after = onFile(tier);
        WholeAnswer first = ask(after, CHAT_REQUEST);
        tier.listening.get().run();
        until(() -> isConnected(after));

        assertThat(text(first)).contains("Newer");
        assertThat(first.head().cache()).isEqualTo(UNAVAILABLE);
        assertThat(text(ask(after, CHAT_REQUEST))).contains("Newer");
    }

    /** The server lets this machine read, but not subscribe. */
    @Test
    void w91_aMachineWithoutNoticesStopsUsingTheTierAfterTheLimit() throws IOException {
        ResponseCache one = onHeap(engine.machine());
        AtomicReference<SharedTier.Listener> told = new AtomicReference<>();
        AtomicReference<CompletableFuture<SharedTier.Found>> held = new AtomicReference<>();
        ResponseCache strict = open(ResponseCache.onHeap(4 << 20)
                .sharedMaxUnconnected(Duration.ZERO)
                .sharedTier(
                        new ForwardingTier(engine.machine()) {
                            @Override
                            public void listen(long sinceMicros, Listener listener) {
                                told.set(listener);
                                super.listen(sinceMicros, listener);
                            }

                            @Override
                            public CompletionStage<Found> get(byte[] key) {
                                CompletableFuture<Found> late = held.get();
                                return late == null
                                        ? super.get(key)
                                        : super.get(key).thenCombine(late, (found, then) -> found);
                            }
                        },
                        SECRET));
        until(() -> isConnected(strict));
        for (int i = 0; i < 3; i++) {
            ask(one, "{\"n\":" + i + "}");
            int stored = i + 1;
            until(() -> one.admin().shared().orElseThrow().stores() == stored);
        }
        assertThat(ask(strict, "{\"n\":0}").head().cache()).isInstanceOf(CacheOutcome.SharedHit.class);

        // The tier was asked before the connection was lost, and answers after it.
        held.set(new CompletableFuture<>());
        CompletableFuture<WholeAnswer> asked = strict.respond(
                        chat("{\"n\":1}"), new CacheControls(true, TTL, false), provider())
                .toCompletableFuture();
        told.get().lost();
        held.get().complete(null);
        assertThat(asked.orTimeout(30, TimeUnit.SECONDS).join().head().cache()).isEqualTo(UNAVAILABLE);
        assertThat(ask(strict, "{\"n\":2}").head().cache()).isEqualTo(UNAVAILABLE);
    }

    /** A tier that refuses removals until the test says otherwise, and keeps its connection. */
    private class RefusingTier extends ForwardingTier {
        final AtomicBoolean refuses = new AtomicBoolean(true);
        /** Whether the tier itself reports that it is away. */
        final AtomicBoolean isAway = new AtomicBoolean();

        final AtomicInteger raised = new AtomicInteger();
        private volatile Listener listener;

        RefusingTier() {
            super(engine.machine());
        }

        @Override
        public CompletionStage<Raised> raise(byte[] barrier) {
            if (refuses.get()) {
                return CompletableFuture.failedStage(new SharedTierException("slow", null));
            }
            raised.incrementAndGet();
            return super.raise(barrier);
        }

        @Override
        public CompletionStage<Long> remove(byte[] key, long rememberMillis) {
            return refuses.get()
                    ? CompletableFuture.failedStage(new SharedTierException("slow", null))
                    : super.remove(key, rememberMillis);
        }

        @Override
        public void listen(long sinceMicros, Listener told) {
            listener = told;
            super.listen(sinceMicros, told);
        }

        @Override
        public boolean isAvailable() {
            return !isAway.get() && super.isAvailable();
        }

        void lose() {
            listener.lost();
        }

        void beat() {
            listener.caughtUp(micros.incrementAndGet());
        }
    }

    /** Clients determine how many keys are removed while the tier is away. Other answers must stay. */
    @Test
    void w91_manyKeysRemovedDuringAnOutageRemoveNothingElse() throws IOException {
        ResponseCache other = onHeap(engine.machine());
        ask(other, CHAT_REQUEST);
        ask(other, "{\"n\":0}");
        ask(other, "{\"n\":1499}");
        RefusingTier tier = new RefusingTier();
        ResponseCache cache = onHeap(tier);
        for (int i = 0; i < 1_500; i++) {
            cache.remove(cache.key(chat("{\"n\":" + i + "}")).orElseThrow());
        }
        // Removing the same key again changes nothing.
        cache.remove(cache.key(chat("{\"n\":0}")).orElseThrow());
        tier.refuses.set(false);

        tier.beat();
        assertThat(tier.raised).as("barriers that were raised").hasValueLessThan(1_500);
        tier.beat();

        until(() -> !has(other, "{\"n\":0}") && !has(other, "{\"n\":1499}"));
        assertThat(tier.raised).hasValue(1_500);
        assertThat(has(other, CHAT_REQUEST)).isTrue();
    }

    /** If more keys are removed than are kept, the scope of their caller is removed, and no other. */
    @Test
    void w91_ifMoreKeysAreRemovedThanAreKeptTheScopeOfTheirCallerIsRemoved() throws IOException {
        ResponseCache other = onHeap(engine.machine());
        CacheRequest strangers = CacheRequest.of(Endpoint.CHAT, "sk-stranger", utf8(CHAT_REQUEST));
        ask(other, strangers, false);
        ask(other, CHAT_REQUEST);
        RefusingTier tier = new RefusingTier();
        ResponseCache cache = onHeap(tier);
        for (int i = 0; i <= SharedUnraised.MAX_KEYS; i++) {
            cache.remove(cache.key(chat("{\"n\":" + i + "}")).orElseThrow());
        }
        tier.refuses.set(false);

        tier.beat();

        until(() -> !has(other, CHAT_REQUEST));
        assertThat(other.lookup(other.key(strangers).orElseThrow(), new CachedResponse()))
                .isTrue();
    }

    /** Clients of other machines determine how many keys were removed while this machine was cut off. */
    @Test
    void w91_manyMissedRemovalsOfKeysRemoveNothingElse() throws IOException {
        HeapTier cut = engine.machine();
        ResponseCache cache = onHeap(cut);
        ResponseCache one = onHeap(engine.machine());
        ask(cache, CHAT_REQUEST);
        ask(cache, "{\"n\":0}");
        cut.cut();
        until(() -> !isConnected(cache));
        for (int i = 0; i <= SharedBarriers.MAX_NAMES; i++) {
            one.remove(one.key(chat("{\"n\":" + i + "}")).orElseThrow());
        }

        cut.join();
        until(() -> isConnected(cache));

        assertThat(has(cache, "{\"n\":0}")).isFalse();
        assertThat(has(cache, CHAT_REQUEST)).isTrue();
    }

    /**
     * A caller clears answers with another credential in each request. The scopes of these credentials are removed, as
     * long as they can be kept. After that nothing is announced, because the provider does not know the credentials.
     * Each request still gets its answer.
     */
    @Test
    void w92_manyCallersRemoveNobodyElsesAnswersAndNobodyIsRefused() throws IOException {
        ResponseCache other = onHeap(engine.machine());
        ask(other, CHAT_REQUEST);
        List<CacheRequest> known = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            known.add(CacheRequest.of(Endpoint.CHAT, "sk-known-" + i, utf8(CHAT_REQUEST)));
            ask(other, known.get(i), false);
        }
        RefusingTier tier = new RefusingTier();
        tier.isAway.set(true);
        ResponseCache cache = onHeap(tier);
        int most = SharedUnraised.MAX_KEYS + SharedUnraised.MAX_SCOPES;
        CacheControls clears = new CacheControls(true, TTL, true);
        int answered = 0;
        for (int i = 0; i < most + 10; i++) {
            RecordingSink client = new RecordingSink();
            CacheRequest request = CacheRequest.of(Endpoint.CHAT, "sk-" + i, utf8(CHAT_REQUEST));
            cache.respond(request, clears, SharedNoticesTest::unauthorized, client);
            answered += client.failure == null && client.head.status() == 401 ? 1 : 0;
        }
        assertThat(answered).isEqualTo(most + 10);
        answer = CHAT_ANSWER.replace("Hello", "Newer");
        for (int i = 0; i < 2; i++) {
            assertThat(text(ask(cache, known.get(i), true))).contains("Newer");
        }
        tier.isAway.set(false);
        tier.refuses.set(false);

        until(() -> {
            tier.beat();
            return tier.raised.get() >= most + 2;
        });
        assertThat(tier.raised).hasValue(most + 2);
        assertThat(other.lookup(other.key(known.get(0)).orElseThrow(), new CachedResponse()))
                .isFalse();
        assertThat(other.lookup(other.key(known.get(1)).orElseThrow(), new CachedResponse()))
                .isFalse();
        assertThat(other.lookup(other.key(known.get(2)).orElseThrow(), new CachedResponse()))
                .isTrue();
        assertThat(has(other, CHAT_REQUEST)).isTrue();
        RecordingSink client = new RecordingSink();
        cache.respond(chat(CHAT_REQUEST), clears, SharedNoticesTest::unauthorized, client);
        assertThat(client.failure).isNull();
    }

    /** There are more removals than memory keeps, while the tier still has the answers. */
    @Test
    void w91_aClearedAnswerIsNotTakenFromATierThatHasNotBeenTold() throws IOException {
        ResponseCache other = onHeap(engine.machine());
        ask(other, "{\"n\":0}");
        ask(other, CHAT_REQUEST);
        until(() -> other.admin().shared().orElseThrow().stores() == 2);
        RefusingTier tier = new RefusingTier();
        ResponseCache cache = onHeap(tier);
        for (int i = 0; i <= SharedBarriers.MAX_NAMES; i++) {
            cache.remove(cache.key(chat("{\"n\":" + i + "}")).orElseThrow());
        }
        micros.addAndGet(TimeUnit.MINUTES.toMicros(2));
        tier.beat();
        answer = CHAT_ANSWER.replace("Hello", "Newer");

        assertThat(text(ask(cache, "{\"n\":0}"))).contains("Newer");
        assertThat(text(ask(cache, CHAT_REQUEST))).contains("Hello");
    }

    /**
     * Each answer that is taken back needs a walk over the store. One walk serves all of them, and removes no others.
     */
    @Test
    void w85_manyAnswersTakenBackDuringAnOutageRemoveNothingElse() throws IOException {
        HeapTier cut = engine.machine();
        ResponseCache cache = onHeap(cut);
        HeapTier one = engine.machine();
        ask(cache, CHAT_REQUEST);
        ask(cache, "{\"n\":0}");
        cut.cut();
        until(() -> !isConnected(cache));
        String taken = cache.key(chat("{\"n\":0}")).orElseThrow().shortDigest();
        one.raise(SharedBarriers.bytes(SharedBarriers.digest(taken)));
        for (int i = 0; i <= 2_500; i++) {
            one.raise(SharedBarriers.bytes(SharedBarriers.digest(String.format("%012x", i))));
        }

        cut.join();
        until(() -> isConnected(cache));

        assertThat(has(cache, "{\"n\":0}")).isFalse();
        assertThat(has(cache, CHAT_REQUEST)).isTrue();
    }

    /** The machine that could not announce its removal is stopped, and started when the tier is back. */
    @Test
    void w91_aRemovalThatCouldNotBeAnnouncedIsAnnouncedAfterARestart() throws IOException {
        ResponseCache other = onHeap(engine.machine());
        ask(other, CHAT_REQUEST);
        ask(other, "{\"n\":0}");
        ask(other, "{\"n\":1}");
        until(() -> other.admin().shared().orElseThrow().stores() == 3);
        HeapTier cut = engine.machine();
        ResponseCache before = onFile(cut);
        until(() -> isConnected(before));
        cut.cut();
        until(() -> !isConnected(before));
        before.admin().removeModel("acme/large");
        before.remove(before.key(chat("{\"n\":0}")).orElseThrow());
        before.close();
        assertThat(has(other, CHAT_REQUEST)).isTrue();

        RefusingTier tier = new RefusingTier();
        ResponseCache after = onFile(tier);
        until(() -> isConnected(after));
        // The tier is not used before the removal is announced.
        answer = CHAT_ANSWER.replace("Hello", "Newer");
        assertThat(text(ask(after, CHAT_REQUEST))).contains("Newer");
        assertThat(has(other, CHAT_REQUEST)).isTrue();
        tier.refuses.set(false);

        until(() -> {
            tier.beat();
            return !has(other, CHAT_REQUEST) && !has(other, "{\"n\":0}");
        });
        assertThat(has(other, "{\"n\":1}")).isTrue();
        until(() -> {
            tier.beat();
            return !Files.exists(folder.resolve("answers.refrain.unshared"));
        });
        assertThat(text(ask(after, "{\"n\":1}"))).contains("Hello");
    }

    /** Whether the cache's first heartbeat is over. */
    private boolean hasBegun(ResponseCache cache) {
        return isConnected(cache) && Files.exists(folder.resolve("answers.refrain.shared"));
    }

    private boolean isUntoldNoted() {
        return Files.exists(folder.resolve("answers.refrain.unshared"));
    }

    /** An announcement may still fail. A program that is killed meanwhile must know of the removal when it restarts. */
    @Test
    void w91_aRemovalIsNotedUntilItIsAnnounced() throws IOException {
        AtomicReference<CompletableFuture<Void>> slow = new AtomicReference<>();
        RefusingTier tier = new RefusingTier() {
            @Override
            public CompletionStage<Raised> raise(byte[] barrier) {
                CompletableFuture<Void> late = slow.get();
                return late == null ? super.raise(barrier) : late.thenCompose(then -> super.raise(barrier));
            }
        };
        ResponseCache cache = onFile(tier);
        until(() -> hasBegun(cache));
        cache.admin().removeModel("acme/large");
        Path file = folder.resolve("answers.refrain.unshared");
        String first = Files.readString(file).strip();

        CompletableFuture<Void> late = new CompletableFuture<>();
        slow.set(late);
        tier.beat();
        slow.set(null);
        cache.admin().removeModel("acme/small");

        assertThat(Files.readAllLines(file)).hasSize(2).contains(first);
        tier.refuses.set(false);
        tier.beat();
        tier.beat();
        assertThat(isUntoldNoted()).isTrue();
        late.complete(null);
        until(() -> {
            tier.beat();
            return !isUntoldNoted();
        });
    }

    /** One thread finds that all is announced while another notes a new removal. */
    @Test
    void w91_aNewRemovalIsNotForgottenWhenEarlierOnesAreAnnounced() throws Exception {
        RefusingTier tier = new RefusingTier();
        ResponseCache cache = onFile(tier);
        until(() -> hasBegun(cache));
        for (int i = 0; i < 100; i++) {
            cache.admin().removeModel("acme/large");
            tier.refuses.set(false);
            tier.beat();
            tier.refuses.set(true);

            CompletableFuture<Void> beating = CompletableFuture.runAsync(tier::beat, OwnThread.EACH);
            cache.admin().removeModel("acme/small");
            beating.get(30, TimeUnit.SECONDS);

            assertThat(isUntoldNoted()).isTrue();
        }
    }

    /** The program is killed, so only what it has written by then remains. */
    @Test
    void w91_aClearIsAnnouncedAfterAKill() throws IOException {
        ResponseCache other = onHeap(engine.machine());
        ask(other, "{\"n\":0}");
        ask(other, "{\"n\":1}");
        until(() -> other.admin().shared().orElseThrow().stores() == 2);
        ResponseCache killed = onFile(folder.resolve("old.refrain"), new RefusingTier());
        until(() -> isConnected(killed));
        ask(killed, chat("{\"n\":0}"), true);
        Path written = folder.resolve("old.refrain.unshared");
        until(() -> written.toFile().length() > 0);
        Files.copy(written, folder.resolve("answers.refrain.unshared"));

        RefusingTier tier = new RefusingTier();
        ResponseCache after = onFile(tier);
        until(() -> isConnected(after));
        answer = CHAT_ANSWER.replace("Hello", "Newer");
        assertThat(text(ask(after, "{\"n\":0}"))).contains("Newer");
        tier.refuses.set(false);

        until(() -> {
            tier.beat();
            return !has(other, "{\"n\":0}") && !isUntoldNoted();
        });
        assertThat(has(other, "{\"n\":1}")).isTrue();
    }

    /** As in a rolling restart: the new program starts before the old one has noted what it could not announce. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void w91_aRemovalThatOneProgramCouldNotAnnounceIsAnnouncedByItsSuccessor(boolean hasItsOwn) throws IOException {
        ResponseCache other = onHeap(engine.machine());
        ask(other, "{\"n\":0}");
        ask(other, "{\"n\":1}");
        until(() -> other.admin().shared().orElseThrow().stores() == 2);
        // A process can open a store only once, so the old program has a copy of it.
        Path old = folder.resolve("old.refrain");
        ResponseCache before = onFile(old, new RefusingTier());
        until(() -> isConnected(before));
        RefusingTier tier = new RefusingTier();
        ResponseCache after = onFile(tier);
        until(() -> hasBegun(after));
        tier.lose();
        before.remove(before.key(chat("{\"n\":0}")).orElseThrow());
        before.close();
        Files.move(folder.resolve("old.refrain.unshared"), folder.resolve("answers.refrain.unshared"));
        if (hasItsOwn) {
            // The new program's note does not replace the old program's.
            after.admin().removeModel("acme/small");
        }

        tier.beat();
        answer = CHAT_ANSWER.replace("Hello", "Newer");
        assertThat(text(ask(after, "{\"n\":0}"))).contains("Newer");
        tier.refuses.set(false);
        until(() -> {
            tier.beat();
            return !has(other, "{\"n\":0}") && !isUntoldNoted();
        });
    }
}
