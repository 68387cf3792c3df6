package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.chat;
import static dev.refrain.engine.SampleAnswers.utf8;
import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.shared.ForwardingTier;
import dev.refrain.engine.shared.HeapTier;
import dev.refrain.engine.spi.SharedTier;
import dev.refrain.engine.stats.SharedStats;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** How entries on their way to and from the shared tier count in the memory budget, and how many there may be. */
class SharedMemoryTest {
    private static final byte[] SECRET = utf8("a secret of a cluster, of 32 bytes or more");
    private static final CacheControls ON = CacheControls.on(Duration.ofMinutes(5));

    private final AtomicLong micros = new AtomicLong(1_800_000_000_000_000L);
    private final HeapTier.Engine engine = new HeapTier.Engine(micros::incrementAndGet, 16 << 20, 1_000);
    private final List<ResponseCache> caches = new ArrayList<>();
    private final MemoryBudget budget = new MemoryBudget(16 << 20);

    @AfterEach
    void close() {
        caches.forEach(ResponseCache::close);
    }

    private ResponseCache machine(SharedTier tier, MemoryBudget memory, boolean reads) throws IOException {
        ResponseCache cache = ResponseCache.onHeap(4 << 20)
                .memory(memory)
                .sharedAccess(reads, true)
                .sharedTier(tier, SECRET)
                .open();
        caches.add(cache);
        until(() -> stats(cache).isConnected());
        return cache;
    }

    private static SharedStats stats(ResponseCache cache) {
        return cache.admin().shared().orElseThrow();
    }

    private static void answer(ResponseSink sink) {
        byte[] body = utf8(CHAT_ANSWER);
        sink.head(new ResponseHead(200, "application/json", null, body.length, null, null, Map.of()));
        sink.chunk(ByteBuffer.wrap(body));
        sink.end();
    }

    private static final Upstream PROVIDER = sink -> {
        answer(sink);
        return Upstream.Call.UNSTOPPABLE;
    };

    /** Notes how much is reserved while the client is given an answer. */
    private final class Client implements ResponseSink {
        final CompletableFuture<Long> reserved = new CompletableFuture<>();
        private CacheOutcome outcome;

        @Override
        public void head(ResponseHead head) {
            outcome = head.cache();
        }

        @Override
        public void chunk(ByteBuffer bytes) {}

        @Override
        public void end() {
            reserved.complete(budget.usedBytes());
        }

        @Override
        public void fail(Throwable cause) {
            reserved.completeExceptionally(cause);
        }

        void assertThatItsEntryIsReserved(HeapTier tier) {
            long atTheEnd = reserved.orTimeout(60, TimeUnit.SECONDS).join();
            assertThat(outcome).isInstanceOf(CacheOutcome.SharedHit.class);
            assertThat(atTheEnd).isGreaterThanOrEqualTo(lengthInTier(tier));
            until(() -> budget.usedBytes() == 0);
        }
    }

    private long lengthInTier(HeapTier tier) {
        byte[] digest =
                SharedEntries.bytes(caches.get(0).key(chat(CHAT_REQUEST)).orElseThrow());
        return tier.get(digest).toCompletableFuture().join().entry().length;
    }

    @Test
    void anAnswerIsReservedUntilItHasBeenPassedOn() throws IOException {
        HeapTier tier = engine.machine();
        ResponseCache one = machine(tier, new MemoryBudget(16 << 20), true);
        ResponseCache other = machine(engine.machine(), budget, true);
        one.respond(chat(CHAT_REQUEST), ON, PROVIDER, new RecordingSink());
        until(() -> stats(one).stores() == 1);
        Client client = new Client();
        other.respond(chat(CHAT_REQUEST), ON, PROVIDER, client);
        client.assertThatItsEntryIsReserved(tier);
    }

    @Test
    void anAnswerThatWasAwaitedIsReservedUntilItHasBeenPassedOn() throws IOException {
        waitsForAnother(engine.machine());
    }

    /** The thread that opens an entry may do nothing else, so another thread passes the answer on. */
    @Test
    void anAnswerThatAnotherThreadPassesOnIsReservedUntilThen() throws IOException {
        AtomicInteger asked = new AtomicInteger();
        waitsForAnother(new ForwardingTier(engine.machine()) {
            @Override
            public CompletionStage<Found> get(byte[] key) {
                CompletionStage<Found> stage = super.get(key);
                // The first lookup finds nothing. The second one's result reaches the asking thread, which stays busy.
                return asked.incrementAndGet() == 1 ? stage : new ToldToOneAtWork(stage);
            }
        });
        assertThat(asked).hasValueGreaterThan(1);
    }

    /**
     * A future that hands its result over on the asking thread, and keeps that thread until the cache's other threads
     * are idle.
     */
    private static final class ToldToOneAtWork extends CompletableFuture<SharedTier.Found> {
        ToldToOneAtWork(CompletionStage<SharedTier.Found> known) {
            complete(known.toCompletableFuture().join());
        }

        @Override
        public CompletableFuture<SharedTier.Found> whenComplete(
                BiConsumer<? super SharedTier.Found, ? super Throwable> told) {
            CompletableFuture<SharedTier.Found> then = super.whenComplete(told);
            until(() -> Thread.getAllStackTraces().entrySet().stream()
                    .filter(thread -> thread.getKey().getName().matches("refrain-shared-\\d+"))
                    .filter(thread -> thread.getKey() != Thread.currentThread())
                    .allMatch(thread -> Arrays.stream(thread.getValue())
                            .anyMatch(frame -> frame.getMethodName().equals("getTask"))));
            return then;
        }
    }

    private void waitsForAnother(SharedTier tierOfOther) throws IOException {
        HeapTier tier = engine.machine();
        ResponseCache one = machine(tier, new MemoryBudget(16 << 20), true);
        ResponseCache other = machine(tierOfOther, budget, true);
        AtomicReference<ResponseSink> call = new AtomicReference<>();
        Upstream later = sink -> {
            call.set(sink);
            return Upstream.Call.UNSTOPPABLE;
        };
        one.respond(chat(CHAT_REQUEST), ON, later, new RecordingSink());
        until(() -> call.get() != null);
        Client client = new Client();
        other.respond(chat(CHAT_REQUEST), ON, later, client);
        until(() -> stats(other).waits() == 1);
        answer(call.get());
        client.assertThatItsEntryIsReserved(tier);
    }

    @Test
    void anEntryIsReservedUntilTheTierHasIt() throws IOException {
        HeapTier tier = engine.machine();
        CompletableFuture<Boolean> taken = new CompletableFuture<>();
        AtomicLong length = new AtomicLong();
        ResponseCache cache = machine(
                new ForwardingTier(tier) {
                    @Override
                    public CompletionStage<Boolean> put(byte[] key, byte[] entry, long started, long lifeMillis) {
                        length.set(entry.length);
                        return taken;
                    }
                },
                budget,
                false);
        cache.respond(chat(CHAT_REQUEST), ON, PROVIDER, new RecordingSink());
        until(() -> length.get() > 0);
        until(() -> budget.usedBytes() == length.get());
        taken.complete(true);
        until(() -> budget.usedBytes() == 0);
    }

    /** A tier that blocks the thread that sends an entry. */
    private final class BusyTier extends ForwardingTier {
        final CountDownLatch busy = new CountDownLatch(1);
        final CountDownLatch goOn = new CountDownLatch(1);
        final AtomicInteger sent = new AtomicInteger();

        BusyTier() {
            super(engine.machine());
        }

        @Override
        public CompletionStage<Boolean> put(byte[] key, byte[] entry, long started, long lifeMillis) {
            busy.countDown();
            await(goOn);
            sent.incrementAndGet();
            return super.put(key, entry, started, lifeMillis);
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void store(ResponseCache cache, String request, String answer) {
        CacheKey key = cache.key(chat(request)).orElseThrow();
        assertThat(cache.store(key, "application/json", utf8(answer), Duration.ofMinutes(1)))
                .isTrue();
    }

    @Test
    void anEntryWithoutRoomIsStoredOnThisMachineOnly() throws IOException {
        BusyTier tier = new BusyTier();
        ResponseCache cache = machine(tier, budget, false);
        store(cache, CHAT_REQUEST, CHAT_ANSWER);
        await(tier.busy);
        // The second answer is longer than the first, whose memory it could otherwise use.
        StringBuilder random = new StringBuilder();
        new Random(1).ints(5_000, 'a', 'z').forEach(letter -> random.append((char) letter));
        store(cache, "{}", CHAT_ANSWER.replace("Hello", random));
        long rest = budget.limitBytes() - budget.usedBytes();
        assertThat(budget.reserve(rest, MemoryBudget.Use.UNDER_WAY)).isTrue();
        tier.goOn.countDown();
        until(() -> stats(cache).stores() + stats(cache).storesLost() == 2);
        assertThat(stats(cache).storesLost()).isOne();
        assertThat(tier.sent).hasValue(1);
    }

    @Test
    void atMostTenThousandEntriesWaitToBeSent() throws IOException {
        BusyTier tier = new BusyTier();
        ResponseCache cache = machine(tier, new MemoryBudget(64 << 20), false);
        store(cache, CHAT_REQUEST, CHAT_ANSWER);
        await(tier.busy);
        for (int i = 0; i < 10_007; i++) {
            store(cache, CHAT_REQUEST, CHAT_ANSWER);
        }
        assertThat(stats(cache).storesLost()).isEqualTo(7);
        tier.goOn.countDown();
        until(() -> stats(cache).stores() + stats(cache).storesLost() == 10_008);
    }
}
