package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.CHAT_STREAM;
import static dev.refrain.engine.SampleAnswers.chat;
import static dev.refrain.engine.SampleAnswers.utf8;
import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.shared.ForwardingTier;
import dev.refrain.engine.shared.HeapTier;
import dev.refrain.engine.spi.SharedTier;
import dev.refrain.engine.spi.SharedTierException;
import dev.refrain.engine.stats.SharedStats;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Wire rule W28: caches on several machines agree on which one calls the provider. A test moves the clocks of the tier
 * and of the caches; only a machine's repeated questions take some milliseconds of real time.
 *
 * <p>Long, since each thing that may happen to a call between machines is a short test of its own.
 */
class SharedCallsTest {
    private static final byte[] SECRET = utf8("a secret of a cluster, of 32 bytes or more");
    private static final Duration TTL = Duration.ofMinutes(5);
    private static final CacheControls ON = CacheControls.on(TTL);
    private static final String STREAM_REQUEST = "{\"stream\":true,\"model\":\"acme/large\",\"messages\":[]}";
    /** Times in the order of {@link SharedCalls.Timing}'s components. Those that pass in real time are milliseconds. */
    private static final SharedCalls.Timing TIMING = new SharedCalls.Timing(
            Duration.ofSeconds(30),
            Duration.ofMillis(1_500),
            Duration.ofMillis(5),
            Duration.ofMillis(10),
            Duration.ofSeconds(3),
            Duration.ofMinutes(2));

    private final AtomicLong micros = new AtomicLong(1_800_000_000_000_000L);
    private final AtomicLong nanos = new AtomicLong();
    private final HeapTier.Engine engine = new HeapTier.Engine(micros::incrementAndGet, 16 << 20, 1_000);
    private final List<ResponseCache> caches = new ArrayList<>();
    /** All calls to the provider, in the order in which they began. */
    private final List<Fetch> calls = new CopyOnWriteArrayList<>();

    /** A call to the provider, which answers when the test says so. */
    private static final class Fetch {
        final ResponseSink sink;
        volatile boolean cancelled;

        Fetch(ResponseSink sink) {
            this.sink = sink;
        }

        void head(String type) {
            sink.head(new ResponseHead(200, type, null, -1, "gen-source", null, Map.of()));
        }

        void streams(String... events) {
            head("text/event-stream");
            sends(events);
        }

        void sends(String... events) {
            for (String event : events) {
                sink.chunk(ByteBuffer.wrap(utf8(event)));
            }
        }

        void answers(int status, String body) {
            sink.head(new ResponseHead(
                    status, "application/json", null, utf8(body).length, "gen-source", null, Map.of()));
            sends(body);
            sink.end();
        }

        void answers() {
            answers(200, CHAT_ANSWER);
        }
    }

    /** A client, and what it has received so far. */
    private static class Client extends RecordingSink {
        final CompletableFuture<Void> over = new CompletableFuture<>();
        volatile Runnable gone = () -> {};
        volatile boolean hasLeft;

        @Override
        public synchronized void head(ResponseHead answer) {
            super.head(answer);
        }

        @Override
        public synchronized void chunk(ByteBuffer bytes) {
            super.chunk(bytes);
        }

        @Override
        public synchronized void end() {
            super.end();
            over.complete(null);
        }

        @Override
        public synchronized void fail(Throwable cause) {
            super.fail(cause);
            over.complete(null);
        }

        @Override
        public void whenGone(Runnable action) {
            gone = action;
            if (hasLeft) {
                action.run();
            }
        }

        @Override
        public boolean hasReader() {
            return !hasLeft;
        }

        void leave() {
            hasLeft = true;
            gone.run();
        }

        synchronized CacheOutcome outcome() {
            return head.cache();
        }

        synchronized String got() {
            return text();
        }

        synchronized Throwable failed() {
            return failure;
        }

        Client whole() {
            over.orTimeout(30, TimeUnit.SECONDS).join();
            return this;
        }
    }

    private final class Machine {
        final HeapTier tier = engine.machine();
        final ResponseCache cache;

        Machine() throws IOException {
            this(tier -> tier, builder -> {});
        }

        Machine(UnaryOperator<SharedTier> wrapped) throws IOException {
            this(wrapped, builder -> {});
        }

        Machine(UnaryOperator<SharedTier> wrapped, Consumer<ResponseCacheBuilder> more) throws IOException {
            ResponseCacheBuilder builder = ResponseCache.onHeap(8 << 20)
                    .ticker(nanos::get)
                    .sharedTiming(TIMING)
                    .sharedTier(wrapped.apply(tier), SECRET);
            more.accept(builder);
            cache = builder.open();
            caches.add(cache);
            until(() -> stats().isConnected());
        }

        SharedStats stats() {
            return cache.admin().shared().orElseThrow();
        }

        Client ask(CacheRequest request, CacheControls controls) {
            Client client = new Client();
            cache.respond(
                    request,
                    controls,
                    sink -> {
                        Fetch fetch = new Fetch(sink);
                        calls.add(fetch);
                        return () -> fetch.cancelled = true;
                    },
                    client);
            return client;
        }

        Client ask(String body) {
            return ask(chat(body), ON);
        }

        /** Asks, and waits until this machine waits for the call of another. */
        Client waitFor(String body) {
            long before = stats().waits();
            Client client = ask(body);
            until(() -> stats().waits() > before);
            return client;
        }

        /** Asks, and waits until this machine follows the stream of another. */
        Client follow(String body) {
            long before = stats().joins();
            Client client = ask(body);
            until(() -> stats().joins() > before);
            return client;
        }

        boolean has(String body) {
            return cache.lookup(cache.key(chat(body)).orElseThrow(), new CachedResponse());
        }

        /** Cuts this machine off, and lets its leases lapse. */
        void die() {
            tier.cut();
            pass(Duration.ofMillis(1_501));
        }
    }

    @AfterEach
    void close() {
        calls.forEach(call -> call.sink.fail(new IOException("the test is over")));
        caches.forEach(ResponseCache::close);
    }

    private void pass(Duration time) {
        micros.addAndGet(time.toNanos() / 1_000);
        nanos.addAndGet(time.toNanos());
    }

    /** Call number {@code number}, from 0. */
    private Fetch call(int number) {
        until(() -> calls.size() > number);
        return calls.get(number);
    }

    private static String event(String content) {
        return "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
                + "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + content + "\"},\"finish_reason\":null}]}\n\n";
    }

    private static final String LAST = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\","
            + "\"created\":1700000000,\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"
            + "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12,\"total_tokens\":21}}\n\ndata: [DONE]\n\n";

    // ---- documents

    @Test
    void w28_otherMachinesWaitForTheCallOfOne() throws IOException {
        Machine one = new Machine();
        List<Machine> others = List.of(new Machine(), new Machine());
        Client leader = one.ask(CHAT_REQUEST);
        Fetch call = call(0);
        List<Client> waiting =
                others.stream().map(machine -> machine.waitFor(CHAT_REQUEST)).toList();

        call.answers();

        assertThat(leader.whole().outcome()).isInstanceOf(CacheOutcome.Miss.class);
        assertThat(waiting)
                .allSatisfy(client -> assertThat(client.whole().outcome())
                        .isInstanceOfSatisfying(CacheOutcome.SharedHit.class, hit -> {
                            assertThat(hit.entry().ageSeconds()).isZero();
                            assertThat(hit.stored()).isTrue();
                        }));
        assertThat(calls).hasSize(1);
        assertThat(one.stats().appendedBytes()).isZero();
    }

    @Test
    void w28_aBurstOnTwoMachinesIsOneCall() throws IOException {
        for (String request : List.of(CHAT_REQUEST, STREAM_REQUEST)) {
            calls.clear();
            List<Machine> machines = List.of(new Machine(), new Machine());
            List<Client> clients = new ArrayList<>();
            for (int i = 0; i < 1_000; i++) {
                clients.add(machines.get(i % 2).ask(request));
            }
            Fetch call = call(0);
            until(() -> machines.stream()
                            .mapToLong(machine -> machine.stats().waits())
                            .sum()
                    == 1);
            if (request.equals(STREAM_REQUEST)) {
                call.streams(CHAT_STREAM);
                call.sink.end();
            } else {
                call.answers();
            }

            clients.forEach(client -> assertThat(client.whole().got()).contains("Hello"));
            assertThat(calls).hasSize(1);
        }
    }

    /**
     * The second machine looks the answer up before the first has stored it, but asks for the lease after the first has
     * released it, so it must look again.
     */
    @Test
    void w28_anAnswerThatCameBetweenTheLookUpAndTheLeaseIsFound() throws IOException {
        CompletableFuture<Void> mayAsk = new CompletableFuture<>();
        Machine one = new Machine();
        Machine other = new Machine(tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Lease> lease(byte[] key, long millis, long wantedMillis) {
                return mayAsk.thenCompose(now -> super.lease(key, millis, wantedMillis));
            }
        });
        Client late = other.ask(CHAT_REQUEST);
        until(() -> other.stats().misses() == 1);
        one.ask(CHAT_REQUEST);
        call(0).answers();
        until(() -> one.stats().stores() == 1);

        mayAsk.complete(null);

        assertThat(late.whole().outcome()).isInstanceOf(CacheOutcome.SharedHit.class);
        assertThat(calls).hasSize(1);
        // The second machine has given the lease back, so a third one calls at once.
        Machine third = new Machine();
        one.cache.remove(one.cache.key(chat(CHAT_REQUEST)).orElseThrow());
        third.ask(CHAT_REQUEST);
        call(1).answers();
    }

    /** W28b across machines: each machine makes one call for all its clients, and the calls run at the same time. */
    @Test
    void w28_anErrorIsNotSharedWithOtherMachines() throws IOException {
        Machine one = new Machine();
        List<Machine> others = List.of(new Machine(), new Machine(), new Machine());
        Client leader = one.ask(CHAT_REQUEST);
        Fetch first = call(0);
        List<Client> waiting =
                others.stream().map(machine -> machine.waitFor(CHAT_REQUEST)).toList();
        List<Client> joined =
                others.stream().map(machine -> machine.ask(CHAT_REQUEST)).toList();

        first.answers(400, "{\"error\":{\"message\":\"no\"}}");

        assertThat(leader.whole().head.status()).isEqualTo(400);
        until(() -> calls.size() == 4);
        for (Fetch call : calls.subList(1, 4)) {
            call.answers(400, "{\"error\":{\"message\":\"no\"}}");
        }
        for (List<Client> clients : List.of(waiting, joined)) {
            clients.forEach(client -> assertThat(client.whole().head.status()).isEqualTo(400));
        }
        assertThat(calls).hasSize(4);
    }

    @Test
    void w28_anAnswerThatIsNotStoredIsNotSharedWithOtherMachines() throws IOException {
        for (String unstored : List.of(
                CHAT_ANSWER.replace("\"stop\"", "\"content_filter\""),
                CHAT_ANSWER.replace("Hello", "x".repeat(70_000)))) {
            calls.clear();
            String request = CHAT_REQUEST.replace("hello", "hello " + unstored.length());
            Machine one = new Machine(tier -> tier, builder -> builder.maxAnswerBytes(64 << 10));
            Machine other = new Machine();
            one.ask(request);
            Fetch first = call(0);
            Client waiting = other.waitFor(request);

            first.answers(200, unstored);
            call(1).answers();

            assertThat(waiting.whole().outcome()).isInstanceOf(CacheOutcome.Miss.class);
        }
    }

    @Test
    void w28_aMachineThatDiesIsNotWaitedFor() throws IOException {
        Machine one = new Machine();
        Machine other = new Machine();
        one.ask(CHAT_REQUEST);
        call(0);
        Client waiting = other.waitFor(CHAT_REQUEST);

        one.die();
        call(1).answers();

        assertThat(waiting.whole().outcome()).isInstanceOf(CacheOutcome.Miss.class);
        until(() -> other.stats().stores() == 1);
    }

    @Test
    void w28_aLiveMachineIsWaitedForAsLongAsItTakesButNotForEver() throws IOException {
        AtomicInteger renewed = new AtomicInteger();
        Machine one = new Machine(tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Boolean> renew(byte[] key, long token, long millis) {
                return super.renew(key, token, millis).thenApply(held -> {
                    renewed.incrementAndGet();
                    return held;
                });
            }
        });
        AtomicInteger asked = new AtomicInteger();
        Machine other = new Machine(tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Lease> lease(byte[] key, long millis, long wantedMillis) {
                asked.incrementAndGet();
                return super.lease(key, millis, wantedMillis);
            }
        });
        one.ask(CHAT_REQUEST);
        call(0);
        Client waiting = other.waitFor(CHAT_REQUEST);
        for (int i = 0; i < 100; i++) {
            int askedBefore = asked.get();
            until(() -> asked.get() > askedBefore);
            int renewedBefore = renewed.get();
            until(() -> renewed.get() > renewedBefore + 1);
            pass(Duration.ofSeconds(1));
        }
        assertThat(calls).hasSize(1);

        pass(Duration.ofSeconds(21));
        call(1).answers();

        assertThat(waiting.whole().outcome()).isInstanceOf(CacheOutcome.Miss.class);
    }

    @Test
    void w92_aWaitingMachineCallsWhenTheTierIsGone() throws IOException {
        Machine one = new Machine();
        Machine other = new Machine();
        one.ask(CHAT_REQUEST);
        call(0);
        Client waiting = other.waitFor(CHAT_REQUEST);

        other.tier.cut();
        call(1).answers();

        assertThat(waiting.whole().outcome()).isInstanceOf(CacheOutcome.Miss.class);
    }

    @Test
    void w92_aLeaseIsNotWaitedForLongerThanALookUp() throws IOException {
        CompletableFuture<SharedTier.Lease> never = new CompletableFuture<>();
        AtomicInteger given = new AtomicInteger();
        Machine one = new Machine(tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Lease> lease(byte[] key, long millis, long wantedMillis) {
                return never;
            }

            @Override
            public CompletionStage<Boolean> release(byte[] key, long token) {
                given.incrementAndGet();
                return super.release(key, token);
            }

            @Override
            public Duration timeout() {
                return Duration.ofMillis(20);
            }
        });
        Client client = one.ask(CHAT_REQUEST);
        Fetch call = call(0);

        // The tier grants the lease at last, when the call is under way without it.
        never.complete(new SharedTier.Lease(micros.get(), true, false));
        call.answers();

        assertThat(client.whole().outcome()).isInstanceOf(CacheOutcome.Miss.class);
        until(() -> given.get() == 1);
    }

    @Test
    void w92_aTierThatGivesNoLeasesCostsNothing() throws IOException {
        Machine one = new Machine(tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Lease> lease(byte[] key, long millis, long wantedMillis) {
                return CompletableFuture.failedFuture(new SharedTierException("refused", null));
            }
        });
        Client client = one.ask(CHAT_REQUEST);
        call(0).answers();
        assertThat(client.whole().outcome()).isInstanceOf(CacheOutcome.Miss.class);
    }

    @Test
    void whereMachinesDoNotAgreeEachCalls() throws IOException {
        Machine one = new Machine();
        Machine without = new Machine(tier -> tier, builder -> builder.sharedCoalescing(false));
        Machine reader = new Machine(tier -> tier, builder -> builder.sharedAccess(true, false));
        Machine writer = new Machine(tier -> tier, builder -> builder.sharedAccess(false, true));
        int number = 0;
        for (Machine machine : List.of(one, without, reader, writer)) {
            machine.ask(CHAT_REQUEST);
            call(number++);
        }
    }

    /** A batch calls once it knows all its missing items. Two batches that waited for each other would never call. */
    @Test
    void partsOfBatchesAreNotWaitedFor() throws IOException {
        Machine one = new Machine();
        Machine other = new Machine();
        for (Machine machine : List.of(one, other)) {
            KeyContext context = machine.cache
                    .pipeline()
                    .context(Endpoint.EMBEDDINGS, machine.cache.pipeline().scope("sk-test"))
                    .bytes()
                    .build();
            machine.ask(CacheRequest.of(context, utf8("{\"input\":\"x\"}")), ON);
        }
        call(1);
    }

    @Test
    void aMachineThatClosesLetsNobodyWait() throws IOException {
        Machine one = new Machine();
        Machine other = new Machine();
        one.ask(CHAT_REQUEST);
        call(0);
        Client waiting = other.waitFor(CHAT_REQUEST);

        other.cache.close();
        call(1).answers();

        assertThat(waiting.whole().got()).contains("Hello");
    }

    /**
     * The waiting machine asks for the lease before the holder knows that it has the lease, and asks again only after
     * an hour.
     */
    @Test
    void w28_aMachineThatWantsALeaseThatIsBeingGrantedIsHeard() throws IOException {
        CompletableFuture<Void> told = new CompletableFuture<>();
        AtomicInteger renewed = new AtomicInteger();
        Machine one = new Machine(tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Lease> lease(byte[] key, long millis, long wantedMillis) {
                return super.lease(key, millis, wantedMillis).thenCombine(told, (lease, now) -> lease);
            }

            @Override
            public CompletionStage<Boolean> renew(byte[] key, long token, long millis) {
                renewed.incrementAndGet();
                return super.renew(key, token, millis);
            }
        });
        SharedCalls.Timing rare = new SharedCalls.Timing(
                TIMING.held(),
                TIMING.wanted(),
                TIMING.beat(),
                Duration.ofHours(1),
                TIMING.patience(),
                TIMING.longest());
        Machine other = new Machine(tier -> tier, builder -> builder.sharedTiming(rare));
        one.ask(CHAT_REQUEST);
        until(() -> one.stats().misses() == 1);
        other.waitFor(CHAT_REQUEST);
        // Notices come in order: a machine that hears of this removal has already heard that its lease is wanted.
        other.cache.admin().removeModel("another");

        told.complete(null);

        until(() -> renewed.get() > 0);
    }

    /** A closed machine has no timer: the request that waits must not start itself again and again. */
    @Test
    void aRequestIsAnsweredWhileItsMachineCloses() throws IOException {
        CompletableFuture<SharedTier.Lease> granted = new CompletableFuture<>();
        Machine one = new Machine(tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Lease> lease(byte[] key, long millis, long wantedMillis) {
                return granted;
            }
        });
        Client client = one.ask(CHAT_REQUEST);
        until(() -> one.stats().misses() == 1);
        one.cache.close();

        granted.complete(new SharedTier.Lease(micros.get(), false, false));
        call(0).answers();

        assertThat(client.whole().got()).contains("Hello");
    }

    /** W28b: all clients of the call have left, and the provider is silent. */
    @Test
    void w28_aDesertedCallIsNotWaitedFor() throws IOException {
        Machine one = new Machine();
        Machine other = new Machine();
        Client leader = one.ask(CHAT_REQUEST);
        call(0);
        leader.leave();
        pass(Duration.ofSeconds(2));

        Client second = other.ask(CHAT_REQUEST);
        call(1).answers();

        assertThat(second.whole().got()).contains("Hello");
    }

    /** Clients that have closed their connections. With {@code cancelWhenAbandoned} the cache hears of it at once. */
    @Test
    void w28b_aClientThatWaitsForAnotherMachineAndLeavesKeepsNothingGoing() throws IOException {
        for (boolean cancels : List.of(true, false)) {
            calls.clear();
            String request = CHAT_REQUEST.replace("hello", "hello " + cancels);
            AtomicInteger asked = new AtomicInteger();
            Machine one = new Machine();
            Machine other = new Machine(
                    tier -> new ForwardingTier(tier) {
                        @Override
                        public CompletionStage<Lease> lease(byte[] key, long millis, long wantedMillis) {
                            asked.incrementAndGet();
                            return super.lease(key, millis, wantedMillis);
                        }
                    },
                    builder -> builder.cancelWhenAbandoned(cancels));
            one.ask(request);
            Fetch first = call(0);
            Client waiting = other.waitFor(request);
            until(() -> asked.get() > 2);

            waiting.hasLeft = true;
            if (cancels) {
                waiting.gone.run();
                assertThat(waiting.whole().failed()).hasMessageContaining("left");
            }
            int before = asked.get() + 1;
            LockSupport.parkNanos(TIMING.ask().toNanos() * 10);
            assertThat(asked).hasValueLessThanOrEqualTo(before);
            Client next = other.waitFor(request);
            first.answers();

            assertThat(next.whole().got()).contains("Hello");
            if (!cancels) {
                // A client may have closed one direction only, so it still gets the answer.
                assertThat(waiting.whole().got()).contains("Hello");
            }
            assertThat(calls).hasSize(1);
            until(() -> other.cache.admin().memory().usedBytes() == 0);
        }
    }

    /** Tokens that no lease can have: zero, a negative one, and one from two hours ago. */
    @Test
    void w92_aLeaseThatCannotBeIsNotWaitedFor() throws IOException {
        for (long token : List.of(0L, -1L, micros.get() - Duration.ofHours(2).toNanos() / 1_000)) {
            Machine one = new Machine(tier -> new ForwardingTier(tier) {
                @Override
                public CompletionStage<Lease> lease(byte[] key, long millis, long wantedMillis) {
                    return CompletableFuture.completedFuture(new Lease(token, false, false));
                }
            });
            calls.clear();
            Client client = one.ask(CHAT_REQUEST.replace("hello", "hello " + token));
            call(0).answers();
            assertThat(client.whole().got()).contains("Hello");
        }
    }

    @Test
    void w92_aLeaseThatCannotBeRenewedDoesNotStopTheRenewalOfOthers() throws IOException {
        AtomicInteger renewed = new AtomicInteger();
        Machine one = new Machine(tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Boolean> renew(byte[] key, long token, long millis) {
                if (renewed.getAndIncrement() == 0) {
                    throw new IllegalStateException("a fault of the tier");
                }
                return super.renew(key, token, millis);
            }
        });
        Machine other = new Machine();
        one.ask(CHAT_REQUEST);
        call(0);
        other.waitFor(CHAT_REQUEST);

        until(() -> renewed.get() > 3);
    }

    // ---- streams

    /** Counts the leases that were given back. */
    private static UnaryOperator<SharedTier> counting(AtomicInteger released) {
        return tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Boolean> release(byte[] key, long token) {
                return super.release(key, token).thenApply(held -> {
                    released.incrementAndGet();
                    return held;
                });
            }
        };
    }

    /** Records the times, in milliseconds, for which leases are renewed. */
    private static UnaryOperator<SharedTier> noting(List<Long> renewed) {
        return tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Boolean> renew(byte[] key, long token, long millis) {
                renewed.add(millis);
                return super.renew(key, token, millis);
            }
        };
    }

    /**
     * Moves the clocks on, a second for each renewal, until the lease is renewed for 30 seconds: no machine wants it.
     */
    private void untilNobodyWants(List<Long> renewed) {
        until(() -> !renewed.isEmpty());
        while (renewed.get(renewed.size() - 1) < 30_000) {
            int before = renewed.size();
            pass(Duration.ofSeconds(1));
            until(() -> renewed.size() > before);
        }
    }

    /** A follower leaves. Another one comes when no machine has wanted the lease for a while. */
    @Test
    void w28_aLeaseThatIsNotWantedAnyMoreIsHeldForLong() throws IOException {
        List<Long> renewed = new CopyOnWriteArrayList<>();
        Machine one = new Machine(noting(renewed));
        Machine other = new Machine();
        one.ask(STREAM_REQUEST);
        Fetch call = call(0);
        call.streams(event("One "));
        Client follower = other.follow(STREAM_REQUEST);
        until(() -> follower.got().contains("One "));
        follower.leave();
        untilNobodyWants(renewed);
        pass(Duration.ofSeconds(8));

        Client second = new Machine().follow(STREAM_REQUEST);

        until(() -> second.got().contains("One "));
        call.sends(LAST);
        call.sink.end();
        assertThat(second.whole().failed()).isNull();
        assertThat(calls).hasSize(1);
    }

    @Test
    void w28_aPublisherThatFailsLetsNobodyWait() throws IOException {
        AtomicInteger appended = new AtomicInteger();
        Machine one = new Machine(tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Appended> append(byte[] key, long token, int number, byte[] piece) {
                if (appended.getAndIncrement() == 1) {
                    throw new OutOfMemoryError("as a test has it");
                }
                return super.append(key, token, number, piece);
            }
        });
        Machine other = new Machine();
        Client leader = one.ask(STREAM_REQUEST);
        Fetch call = call(0);
        call.streams(event("One "));
        Client follower = other.ask(STREAM_REQUEST);

        call(1).streams(CHAT_STREAM);
        call(1).sink.end();
        assertThat(follower.whole().failed()).isNull();
        call.sends(LAST);
        call.sink.end();
        assertThat(leader.whole().failed()).isNull();
        until(() -> one.cache.admin().memory().usedBytes() == 0);
    }

    /**
     * Half of the memory is in use, so the stream is not kept to be stored. Followers must not be cut for that reason.
     */
    @Test
    void w28_aStreamIsPassedOnWhileMemoryIsShort() throws IOException {
        MemoryBudget budget = new MemoryBudget(8 << 20);
        Machine one = new Machine(tier -> tier, builder -> builder.memory(budget));
        Machine other = new Machine();
        one.ask(STREAM_REQUEST);
        Fetch call = call(0);
        call.streams(event("One "));
        Client follower = other.follow(STREAM_REQUEST);
        until(() -> follower.got().contains("One "));
        long used = 5 << 20;
        assertThat(budget.reserve(used, MemoryBudget.Use.UNDER_WAY)).isTrue();

        call.sends(event("two"), event("three"));
        until(() -> follower.got().contains("three"));
        call.sends(LAST);
        call.sink.end();

        assertThat(follower.whole().failed()).isNull();
        budget.release(used);
        until(() -> budget.usedBytes() == 0);
    }

    /** The leader's client reads nothing. One follower leaves, and another one joins. */
    @Test
    void w28_aSlowLeaderDoesNotHoldUpLaterFollowers() throws IOException {
        List<Long> renewed = new CopyOnWriteArrayList<>();
        Machine one = new Machine(noting(renewed));
        Machine other = new Machine();
        Client leader = new Client() {
            @Override
            public void whenDrained(Runnable action) {}
        };
        one.cache.respond(
                chat(STREAM_REQUEST),
                ON,
                sink -> {
                    Fetch fetch = new Fetch(sink);
                    calls.add(fetch);
                    return () -> {};
                },
                leader);
        Fetch call = call(0);
        call.streams(event("One "));
        Client first = other.follow(STREAM_REQUEST);
        until(() -> first.got().contains("One "));
        first.leave();
        Machine third = new Machine();
        untilNobodyWants(renewed);
        AtomicInteger resumed = new AtomicInteger();
        call.sink.whenDrained(resumed::incrementAndGet);
        assertThat(resumed).hasValue(0);

        third.ask(STREAM_REQUEST);

        until(() -> resumed.get() == 1);
    }

    @Test
    void w28_aStreamIsFollowedFromItsBeginningAndThenLive() throws IOException {
        Machine one = new Machine();
        Machine other = new Machine();
        Client leader = one.ask(STREAM_REQUEST);
        Fetch call = call(0);
        call.streams(event("One "), event("two "));

        Client follower = other.follow(STREAM_REQUEST);
        until(() -> follower.got().contains("two "));
        Client second = other.ask(STREAM_REQUEST);
        until(() -> second.got().contains("two "));
        call.sends(event("three"));
        until(() -> follower.got().contains("three"));
        assertThat(follower.over).isNotDone();
        call.sends(LAST);
        call.sink.end();

        assertThat(leader.whole().got()).contains("chatcmpl-1").contains("\"total_tokens\":21");
        for (Client client : List.of(follower, second)) {
            assertThat(client.whole().failed()).isNull();
            assertThat(client.outcome()).isInstanceOfSatisfying(CacheOutcome.Collapsed.class, collapsed -> {
                assertThat(collapsed.elsewhere()).isTrue();
                assertThat(collapsed.ttlSeconds()).isEqualTo(300);
                assertThat(collapsed.sourceId()).isEqualTo("gen-source");
                assertThat(collapsed.savings().get().tokens()).isEqualTo(21);
            });
            assertThat(client.got())
                    .contains("One ", "two ", "three", client.head.generationId(), "\"total_tokens\":0", "[DONE]")
                    .doesNotContain("chatcmpl-1");
            assertThat(client.got().length() - leader.got().length()).isEqualTo(4 * (35 - "chatcmpl-1".length()) - 2);
        }
        assertThat(follower.head.generationId()).isNotEqualTo(second.head.generationId());
        assertThat(calls).hasSize(1);
        until(() -> one.stats().appendedBytes() == other.stats().readBytes());
        assertThat(one.stats().appendedBytes()).isPositive();
    }

    @Test
    void w28_nothingIsAppendedWhileNobodyWaits() throws IOException {
        AtomicInteger appended = new AtomicInteger();
        List<Long> renewed = new CopyOnWriteArrayList<>();
        Machine one = new Machine(tier -> new ForwardingTier(noting(renewed).apply(tier)) {
            @Override
            public CompletionStage<Appended> append(byte[] key, long token, int number, byte[] piece) {
                appended.incrementAndGet();
                return super.append(key, token, number, piece);
            }
        });
        Machine other = new Machine();
        Client leader = one.ask(STREAM_REQUEST);
        call(0).streams(event("One "));
        Client follower = other.follow(STREAM_REQUEST);
        until(() -> follower.got().contains("One "));
        other.tier.cut();
        untilNobodyWants(renewed);
        int before = appended.get();

        // Nobody has asked for the stream for a while, so nothing is appended.
        for (int i = 0; i < 50; i++) {
            call(0).sends(event("more"));
        }
        call(0).sends(LAST);
        assertThat(appended).hasValue(before);
        call(0).sink.end();
        leader.whole();

        Client alone = one.ask(STREAM_REQUEST.replace("acme", "other"));
        call(1).streams(CHAT_STREAM);
        call(1).sink.end();
        alone.whole();
        until(() -> one.stats().stores() == 2);
        assertThat(one.stats().joins()).isZero();
    }

    @Test
    void w28_theTierSeesNothingOfAStream() throws IOException {
        List<byte[]> pieces = new CopyOnWriteArrayList<>();
        Machine one = new Machine(tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Appended> append(byte[] key, long token, int number, byte[] piece) {
                pieces.add(piece);
                return super.append(key, token, number, piece);
            }
        });
        Machine other = new Machine();
        one.ask(STREAM_REQUEST);
        Fetch call = call(0);
        call.streams(CHAT_STREAM);
        Client follower = other.follow(STREAM_REQUEST);
        call.sink.end();
        follower.whole();

        assertThat(pieces).hasSizeGreaterThanOrEqualTo(3);
        StringBuilder all = new StringBuilder();
        pieces.forEach(piece -> all.append(new String(piece, StandardCharsets.ISO_8859_1)));
        for (String secret : List.of(STREAM_REQUEST, CHAT_STREAM, "gen-source", "text/event-stream")) {
            for (int at = 0; at + 8 <= secret.length(); at++) {
                assertThat(all).doesNotContain(secret.substring(at, at + 8));
            }
        }
    }

    @Test
    void w28_followersOfAMachineThatDiesAreCutAndOthersCallAgain() throws IOException {
        Machine one = new Machine();
        Machine other = new Machine();
        Machine third = new Machine();
        one.ask(STREAM_REQUEST);
        Fetch call = call(0);
        Client waiting = third.waitFor(STREAM_REQUEST);
        call.streams(event("One "));
        Client follower = other.follow(STREAM_REQUEST);
        until(() -> follower.got().contains("One ") && waiting.got().contains("One "));
        Machine fourth = new Machine(tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Pieces> read(byte[] key, long token, int from) {
                // The fourth machine waits without having a byte of the stream.
                return super.read(key, token, from)
                        .thenApply(pieces -> new Pieces(List.of(), pieces.live(), pieces.count()));
            }
        });
        Client without = fourth.waitFor(STREAM_REQUEST);

        one.die();

        // The dead machine might come back, so followers wait for a while before they are cut.
        until(() -> {
            pass(Duration.ofMillis(10));
            return follower.over.isDone() && waiting.over.isDone();
        });
        assertThat(follower.failed()).isNotNull();
        assertThat(waiting.failed()).isNotNull();
        call(1).streams(CHAT_STREAM);
        call(1).sink.end();
        assertThat(without.whole().failed()).isNull();
        assertThat(without.got()).contains("[DONE]");
    }

    /** The tier was emptied, or lost writes in a failover. The provider and both machines are well. */
    @Test
    void w92_aStreamThatTheTierHasLostIsBegunAnewForItsFollowers() throws IOException {
        Machine one = new Machine();
        Machine other = new Machine();
        Machine third = new Machine();
        Client leader = one.ask(STREAM_REQUEST);
        Fetch call = call(0);
        call.streams(event("0;"));
        Client follower = other.follow(STREAM_REQUEST);
        StringBuilder all = new StringBuilder("0;");
        for (int i = 1; i < 20; i++) {
            if (i % 6 == 0) {
                engine.flush();
            }
            call.sends(event(i + ";"));
            all.append(i).append(';');
            String last = i + ";";
            until(() -> follower.got().contains("\"" + last));
        }
        // A follower that joins now gets all of it.
        Client late = third.follow(STREAM_REQUEST);
        engine.flush();
        call.sends(LAST);
        call.sink.end();

        for (Client client : List.of(leader, follower, late)) {
            assertThat(client.whole().failed()).isNull();
            assertThat(contents(client.got())).isEqualTo(all.toString());
            assertThat(client.got()).endsWith("[DONE]\n\n");
        }
        assertThat(calls).hasSize(1);
    }

    private static String contents(String stream) {
        return Pattern.compile("\"content\":\"([^\"]*)\"")
                .matcher(stream)
                .results()
                .map(found -> found.group(1))
                .collect(Collectors.joining());
    }

    /**
     * The tier may lose a stream again and again, for example for want of memory. Such a stream is not begun anew
     * endlessly, but cut.
     */
    @Test
    void w92_aStreamThatTheTierLosesAgainAndAgainIsCut() throws IOException {
        AtomicInteger appended = new AtomicInteger();
        Machine one = new Machine(tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Appended> append(byte[] key, long token, int number, byte[] piece) {
                appended.incrementAndGet();
                return number < 2
                        ? super.append(key, token, number, piece)
                        : CompletableFuture.completedFuture(Appended.LOST);
            }
        });
        Client leader = one.ask(STREAM_REQUEST);
        Fetch call = call(0);
        call.streams(event("One "));
        Client follower = new Machine().follow(STREAM_REQUEST);
        until(() -> follower.got().contains("One "));
        call.sends(event("two "));
        assertThat(follower.whole().failed()).isNotNull();
        assertThat(appended.get()).isLessThan(30);
        call.sends(LAST);
        call.sink.end();
        assertThat(leader.whole().failed()).isNull();
    }

    /** Another machine calls before the first machine has taken its lease again. */
    @Test
    void w28_aStreamThatTheTierHasLostIsCutIfAnotherMachineCallsMeanwhile() throws IOException {
        AtomicBoolean isSlow = new AtomicBoolean();
        Machine one = new Machine(tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Boolean> renew(byte[] key, long token, long millis) {
                return isSlow.get() ? new CompletableFuture<>() : super.renew(key, token, millis);
            }

            @Override
            public CompletionStage<Appended> append(byte[] key, long token, int number, byte[] piece) {
                return isSlow.get()
                        ? CompletableFuture.failedFuture(new SharedTierException("slow", null))
                        : super.append(key, token, number, piece);
            }
        });
        Machine other = new Machine();
        Client leader = one.ask(STREAM_REQUEST);
        Fetch call = call(0);
        call.streams(event("One "));
        Client follower = other.follow(STREAM_REQUEST);
        until(() -> follower.got().contains("One "));

        isSlow.set(true);
        engine.flush();
        Client without = new Machine().ask(STREAM_REQUEST);
        call(1);
        isSlow.set(false);
        call.sends(event("two "));

        until(() -> {
            pass(Duration.ofMillis(10));
            return follower.over.isDone();
        });
        assertThat(follower.failed()).isNotNull();
        call(1).streams(CHAT_STREAM);
        call(1).sink.end();
        assertThat(without.whole().failed()).isNull();
        assertThat(without.got()).contains("[DONE]");
        call.sends(LAST);
        call.sink.end();
        assertThat(leader.whole().failed()).isNull();
        assertThat(leader.got()).contains("One ", "two ", "[DONE]");
    }

    /** Pieces that wait for a thread count in the budget. A piece without room is dropped, and read again later. */
    @Test
    void w28_piecesThatHaveArrivedCountInTheBudgetOfMemory() throws IOException {
        Machine one = new Machine();
        MemoryBudget budget = new MemoryBudget(16 << 20);
        Machine other = new Machine(tier -> tier, builder -> builder.memory(budget));
        one.ask(STREAM_REQUEST);
        Fetch call = call(0);
        call.streams(event("One "));
        budget.reserve(budget.limitBytes(), MemoryBudget.Use.UNDER_WAY);
        Client follower = other.waitFor(STREAM_REQUEST);
        call.sends(event("two "));
        LockSupport.parkNanos(10 * TIMING.ask().toNanos());
        assertThat(follower.got()).isEmpty();
        assertThat(follower.over).isNotDone();

        budget.release(budget.limitBytes());
        call.sends(LAST);
        call.sink.end();
        assertThat(follower.whole().failed()).isNull();
        assertThat(follower.got()).contains("One ", "two ", "[DONE]");
        until(() -> budget.usedBytes() == 0);
    }

    /** After the pause all leases have lapsed. Whether holder or follower comes back first, nobody is cut. */
    @Test
    void w92_aPauseOfTheTierDoesNotCutFollowersElsewhere() throws IOException {
        Machine one = new Machine();
        Machine other = new Machine();
        one.ask(STREAM_REQUEST);
        Fetch call = call(0);
        call.streams(event("One "));
        Client follower = other.follow(STREAM_REQUEST);
        until(() -> follower.got().contains("One "));
        for (int i = 0; i < 10; i++) {
            String next = "next " + i;
            micros.addAndGet(TimeUnit.SECONDS.toMicros(2));
            if (i % 2 == 0) {
                LockSupport.parkNanos(TIMING.ask().toNanos());
            }
            call.sends(event(next));
            until(() -> follower.got().contains(next));
        }
        call.sends(LAST);
        call.sink.end();
        assertThat(follower.whole().failed()).isNull();
        assertThat(calls).hasSize(1);
    }

    @Test
    void w28_aStreamThatIsCutIsCutEverywhere() throws IOException {
        Machine one = new Machine();
        Machine other = new Machine();
        one.ask(STREAM_REQUEST);
        Fetch call = call(0);
        call.streams(event("One "));
        Client follower = other.follow(STREAM_REQUEST);
        until(() -> follower.got().contains("One "));

        call.sink.fail(new IOException("reset"));

        assertThat(follower.whole().failed()).isNotNull();
    }

    /** The stream turns out to be an error before the follower has a byte of it. */
    @Test
    void w28_aFollowerWithoutAByteOfAFailedStreamCallsAgain() throws IOException {
        Machine one = new Machine();
        Machine other = new Machine();
        one.ask(STREAM_REQUEST);
        Fetch first = call(0);
        Client waiting = other.waitFor(STREAM_REQUEST);
        first.streams("data: {\"error\":{\"message\":\"overloaded\"}}\n\n");
        first.sink.end();

        call(1).streams(CHAT_STREAM);
        call(1).sink.end();

        assertThat(waiting.whole().failed()).isNull();
        assertThat(waiting.got()).contains("[DONE]").doesNotContain("overloaded");
    }

    @Test
    void w28_piecesThatWereNotSealedForThisStreamAreNotBelieved() throws IOException {
        List<UnaryOperator<byte[]>> forgeries = List.of(piece -> new byte[0], piece -> new byte[100], piece -> {
            byte[] flipped = piece.clone();
            flipped[flipped.length - 20] ^= 1;
            return flipped;
        });
        for (UnaryOperator<byte[]> forgery : forgeries) {
            calls.clear();
            String request = STREAM_REQUEST.replace("[]", "[" + forgeries.indexOf(forgery) + "]");
            Machine one = new Machine();
            Machine other = new Machine(tier -> new ForwardingTier(tier) {
                @Override
                public CompletionStage<Pieces> read(byte[] key, long token, int from) {
                    return super.read(key, token, from)
                            .thenApply(pieces -> new Pieces(
                                    pieces.pieces().stream().map(forgery).toList(), pieces.live(), pieces.count()));
                }
            });
            one.ask(request);
            call(0).streams(event("One "));

            Client client = other.ask(request);
            call(1).streams(CHAT_STREAM);
            call(1).sink.end();

            assertThat(client.whole().got()).contains("Hello").doesNotContain("One ");
            assertThat(other.stats().rejects()).isOne();
            calls.get(0).sink.fail(new IOException("enough"));
        }
    }

    /** The tier takes a piece, but its confirmation is lost, so the piece is sent again. */
    @Test
    void w28_aPieceThatWasSentTwiceIsReadOnce() throws IOException {
        AtomicInteger appended = new AtomicInteger();
        Machine one = new Machine(tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Appended> append(byte[] key, long token, int number, byte[] piece) {
                CompletionStage<Appended> taken = super.append(key, token, number, piece);
                return appended.getAndIncrement() % 2 == 0
                        ? CompletableFuture.failedFuture(new SharedTierException("no answer in time", null))
                        : taken;
            }
        });
        Machine other = new Machine();
        Client leader = one.ask(STREAM_REQUEST);
        Fetch call = call(0);
        call.streams(event("One "));
        Client follower = other.follow(STREAM_REQUEST);
        call.sends(LAST);
        call.sink.end();

        assertThat(follower.whole().failed()).isNull();
        assertThat(follower.got().replace(follower.head.generationId(), "chatcmpl-1"))
                .contains("One ", "[DONE]")
                .hasSameSizeAs(leader.whole().got().replace("21", "0").replace("12", "0"));
    }

    @Test
    void w28_aFollowerDoesNotHoldUpAMachineWhoseTierHangs() throws IOException {
        Machine one = new Machine(
                tier -> new ForwardingTier(tier) {
                    @Override
                    public CompletionStage<Appended> append(byte[] key, long token, int number, byte[] piece) {
                        return new CompletableFuture<>();
                    }
                },
                builder -> builder.maxAnswerBytes(64 << 10));
        Machine other = new Machine();
        Client leader = one.ask(STREAM_REQUEST);
        Fetch call = call(0);
        call.streams(event("One "));
        Client waiting = other.waitFor(STREAM_REQUEST);
        for (int i = 0; i < 40; i++) {
            call.sends(event("x".repeat(10_000)));
        }

        // More bytes wait for the tier than a stored answer may have, so the stream is not shared any more.
        Fetch second = call(1);
        second.streams(CHAT_STREAM);
        second.sink.end();
        assertThat(waiting.whole().got()).contains("Hello");
        call.sends(LAST);
        call.sink.end();
        assertThat(leader.whole().failed()).isNull();
        assertThat(one.cache.admin().memory().usedBytes()).isZero();
    }

    @Test
    void w28_aStreamThatIsLongerThanTheTierKeepsIsCut() throws IOException {
        AtomicInteger room = new AtomicInteger(4);
        Machine one = new Machine(tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Appended> append(byte[] key, long token, int number, byte[] piece) {
                return room.getAndDecrement() > 0
                        ? super.append(key, token, number, piece)
                        : CompletableFuture.completedFuture(Appended.REFUSED);
            }
        });
        Machine other = new Machine();
        Client leader = one.ask(STREAM_REQUEST);
        Fetch call = call(0);
        call.streams(event("One "));
        Client follower = other.follow(STREAM_REQUEST);
        until(() -> {
            call.sends(event("more"));
            return follower.over.isDone();
        });
        assertThat(follower.failed()).isNotNull();
        call.sends(LAST);
        call.sink.end();
        assertThat(leader.whole().failed()).isNull();
    }

    @Test
    void w29_aCallGoesOnWhileAFollowerElsewhereWaits() throws IOException {
        AtomicInteger released = new AtomicInteger();
        Machine one = new Machine(counting(released), builder -> builder.cancelWhenAbandoned(true));
        Machine other = new Machine();
        Client leader = one.ask(STREAM_REQUEST);
        Fetch call = call(0);
        call.streams(event("One "));
        Client follower = other.follow(STREAM_REQUEST);
        until(() -> follower.got().contains("One "));

        leader.leave();
        call.sends(event("two"));
        until(() -> follower.got().contains("two"));
        assertThat(call.cancelled).isFalse();
        follower.leave();
        until(() -> {
            // No machine asks for the stream any more.
            pass(Duration.ofSeconds(1));
            return call.cancelled && released.get() == 1;
        });

        assertThat(one.cache.admin().memory().usedBytes()).isZero();
        assertThat(other.cache.admin().memory().usedBytes()).isZero();
        other.ask(STREAM_REQUEST);
        call(1);
    }

    @Test
    void w26b_anIdOfAFollowedStreamIsKnownHere() throws IOException {
        CacheRequest request = CacheRequest.of(
                Endpoint.RESPONSES, "sk-test", utf8("{\"stream\":true,\"model\":\"m\",\"input\":\"x\"}"));
        Machine one = new Machine();
        Machine other = new Machine();
        one.ask(request, ON);
        Fetch call = call(0);
        call.streams("event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\","
                + "\"created_at\":1,\"status\":\"in_progress\"}}\n\n");
        Client follower = other.ask(request, ON);
        until(() -> follower.got().contains("response.created"));
        call.sends("event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\","
                + "\"created_at\":1,\"status\":\"completed\",\"output\":[],\"usage\":{\"input_tokens\":1}}}\n\n");
        call.sink.end();
        follower.whole();

        CacheScope scope = other.cache.pipeline().scope("sk-test");
        assertThat(other.cache.pipeline().providerId(scope, follower.head.generationId()))
                .contains("resp_1");
    }

    // ---- removals

    /** The call begins before the purge. Its lease is granted after the purge. */
    @Test
    void w91_aCallFromBeforeAPurgeWhoseLeaseCameLateIsNotJoined() throws IOException {
        CompletableFuture<Void> mayAsk = new CompletableFuture<>();
        Machine one = new Machine(tier -> new ForwardingTier(tier) {
            @Override
            public CompletionStage<Lease> lease(byte[] key, long millis, long wantedMillis) {
                return mayAsk.thenCompose(now -> super.lease(key, millis, wantedMillis));
            }

            @Override
            public Duration timeout() {
                return Duration.ofMillis(20);
            }
        });
        Machine other = new Machine();
        Client leader = one.ask(STREAM_REQUEST);
        Fetch before = call(0);
        before.streams(event("Older "));
        other.cache.admin().clear();
        mayAsk.complete(null);

        Client after = other.ask(STREAM_REQUEST);
        call(1).streams(CHAT_STREAM);
        call(1).sink.end();

        assertThat(after.whole().got()).contains("Hello").doesNotContain("Older");
        before.sends(LAST);
        before.sink.end();
        leader.whole();
    }

    @Test
    void w91_aCallFromBeforeAPurgeIsNeitherJoinedNorSharedAfterIt() throws IOException {
        for (String request : List.of(CHAT_REQUEST, STREAM_REQUEST)) {
            calls.clear();
            Machine one = new Machine();
            Machine other = new Machine();
            Client leader = one.ask(request);
            Fetch before = call(0);
            Client waiting = other.waitFor(request);
            other.cache.admin().clear();

            Client after = other.ask(request);
            Client third = new Machine().ask(request);

            until(() -> calls.size() >= 2);
            if (request.equals(STREAM_REQUEST)) {
                before.streams(CHAT_STREAM);
                before.sink.end();
            } else {
                before.answers();
            }
            leader.whole();
            until(() -> {
                calls.stream().skip(1).forEach(call -> {
                    if (call.sink != null && !call.cancelled) {
                        call.cancelled = true;
                        if (request.equals(STREAM_REQUEST)) {
                            call.streams(CHAT_STREAM.replace("Hello", "Newer"));
                            call.sink.end();
                        } else {
                            call.answers(200, CHAT_ANSWER.replace("Hello", "Newer"));
                        }
                    }
                });
                return after.over.isDone() && third.over.isDone() && waiting.over.isDone();
            });
            assertThat(after.got()).contains("Newer");
            assertThat(third.got()).contains("Newer");
            assertThat(waiting.failed()).isNull();
            assertThat(one.has(request)).isFalse();
            caches.get(caches.size() - 1).admin().clear();
        }
    }

    @Test
    void w91_otherMachinesWaitForTheCallOfAClear() throws IOException {
        AtomicInteger released = new AtomicInteger();
        Machine one = new Machine(counting(released));
        Machine other = new Machine();
        one.ask(CHAT_REQUEST);
        call(0).answers();
        until(() -> one.stats().stores() == 1 && released.get() == 1);

        Client clearing = one.ask(chat(CHAT_REQUEST), new CacheControls(true, TTL, true));
        Fetch newer = call(1);
        Client waiting = other.waitFor(CHAT_REQUEST);
        newer.answers(200, CHAT_ANSWER.replace("Hello", "Newer"));

        assertThat(clearing.whole().got()).contains("Newer");
        assertThat(waiting.whole().got()).contains("Newer");
        assertThat(calls).hasSize(2);
    }

    @Test
    void w91_aClearSupersedesACallThatOthersFollow() throws IOException {
        Machine one = new Machine();
        Machine other = new Machine();
        one.ask(STREAM_REQUEST);
        Fetch older = call(0);
        older.streams(event("One "));
        Client follower = other.follow(STREAM_REQUEST);
        until(() -> follower.got().contains("One "));

        Client clearing = one.ask(chat(STREAM_REQUEST), new CacheControls(true, TTL, true));
        call(1).streams(CHAT_STREAM.replace("Hello", "Newer"));
        call(1).sink.end();
        older.sends(LAST);
        older.sink.end();

        // The follower came before the clear, so it may get the older answer. Nobody else may.
        assertThat(follower.whole().failed()).isNull();
        assertThat(clearing.whole().got()).contains("Newer");
        assertThat(one.ask(STREAM_REQUEST).whole().got()).contains("Newer");
        until(() -> one.stats().stores() + one.stats().storesLost() == 1);
        assertThat(new Machine().ask(STREAM_REQUEST).whole().got()).contains("Newer");
    }
}
