package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.chat;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.spi.HeapStore;
import dev.refrain.testing.MovableClock;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.Phaser;
import java.util.concurrent.PriorityBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Wire rules W28 and W29 under load: many requests for few keys, from many threads, with upstreams and readers that
 * fail anywhere. A failure names the seed of its round; {@code -Drefrain.stress.seed} repeats the round of a seed, and
 * {@code -Drefrain.stress.seconds} makes the test run for longer. The seed determines what is sent and what fails, but
 * not the scheduling.
 */
class FlightStressTest {
    private static final int STREAM_KEYS = 3;
    private static final int KEYS = 5;
    private static final int REQUESTS = 250;
    private static final int ASKING_THREADS = 4;
    private static final int LIMIT = 8 * 1024;
    private static final long PATIENCE_SECONDS = 30;

    /** A task with a random rank. The random order of tasks on several threads is the only delay. */
    private record Shuffled(int rank, Runnable task) implements Runnable, Comparable<Shuffled> {
        @Override
        public void run() {
            task.run();
        }

        @Override
        public int compareTo(Shuffled other) {
            return Integer.compare(rank, other.rank);
        }
    }

    private final ThreadPoolExecutor threads =
            new ThreadPoolExecutor(4, 4, 1, TimeUnit.MINUTES, new PriorityBlockingQueue<>());
    /** Exceptions that the engine threw on threads of upstreams and readers. There must be none. */
    private final Queue<Throwable> thrown = new ConcurrentLinkedQueue<>();

    private final Executor pool =
            task -> threads.execute(new Shuffled(ThreadLocalRandom.current().nextInt(), () -> {
                try {
                    task.run();
                } catch (RuntimeException | Error e) {
                    thrown.add(e);
                }
            }));

    /**
     * The logger of faults, off because this test makes thousands of them. It is kept in a field because the log
     * manager refers to it only weakly: a logger that is collected loses its level.
     */
    private final Logger faults = Logger.getLogger(GuardedSink.class.getName());

    @BeforeEach
    void beQuiet() {
        faults.setLevel(Level.OFF);
    }

    @AfterEach
    void stop() {
        faults.setLevel(null);
        threads.shutdownNow();
    }

    @Test
    void everyReaderGetsATruePrefixAndOneEnd() throws Exception {
        Long seed = Long.getLong("refrain.stress.seed");
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(Long.getLong("refrain.stress.seconds", 8));
        int rounds = 0;
        do {
            new Round(seed != null ? seed : rounds, false).run();
            rounds++;
        } while (System.nanoTime() < until);
        assertThat(rounds).isGreaterThan(10);
    }

    @Test
    void aHealthyProviderIsCalledOnceForEachKey() throws Exception {
        for (int seed = 0; seed < 40; seed++) {
            Round round = new Round(seed, true);
            round.run();
            assertThat(round.calls).as("seed %d", seed).hasSize(KEYS);
        }
    }

    private final class Round {
        private final long seed;
        private final boolean healthy;
        private final Random random;
        private final MovableClock clock = new MovableClock();
        private final ConcurrentHashMap<Integer, StressCall> calls = new ConcurrentHashMap<>();
        private final AtomicInteger callNumbers = new AtomicInteger();
        private final Phaser running = new Phaser(1);
        private final List<StressClient> clients = Collections.synchronizedList(new ArrayList<>());
        private final AtomicBoolean calledTwice = new AtomicBoolean();

        Round(long seed, boolean healthy) {
            this.seed = seed;
            this.healthy = healthy;
            this.random = new Random(seed);
        }

        void run() throws Exception {
            try (ResponseCache cache = ResponseCache.builder(Path.of("unused"))
                    .store(new HeapStore(1L << 30))
                    .clock(clock)
                    .maxAnswerBytes(LIMIT)
                    .cancelWhenAbandoned(!healthy && random.nextBoolean())
                    .open()) {
                ask(cache);
                for (StressClient client : clients) {
                    assertThat(client.settled().await(PATIENCE_SECONDS, TimeUnit.SECONDS))
                            .as("seed %d: %s never hears the end; %s", seed, client, calls.values())
                            .isTrue();
                }
                awaitCalls();
                assertThat(thrown)
                        .as("seed %d: thrown at upstreams or readers", seed)
                        .isEmpty();
                assertThat(cache.admin().joinableFlights())
                        .as("seed %d: flights left", seed)
                        .isZero();
            }
            assertThat(calledTwice).as("seed %d: one request, two calls", seed).isFalse();
            clients.forEach(this::check);
        }

        private void awaitCalls() throws InterruptedException {
            try {
                running.awaitAdvanceInterruptibly(running.arrive(), PATIENCE_SECONDS, TimeUnit.SECONDS);
            } catch (TimeoutException e) {
                thrown.forEach(e::addSuppressed);
                throw new AssertionError("seed " + seed + ": calls that wait for ever in " + calls.values(), e);
            }
        }

        private void ask(ResponseCache cache) throws InterruptedException {
            CountDownLatch asked = new CountDownLatch(ASKING_THREADS);
            for (int i = 0; i < ASKING_THREADS; i++) {
                Random own = new Random(random.nextLong());
                Thread thread = new Thread(() -> {
                    for (int n = 0; n < REQUESTS / ASKING_THREADS; n++) {
                        request(cache, new Random(own.nextLong()));
                    }
                    asked.countDown();
                });
                thread.setDaemon(true);
                thread.start();
            }
            assertThat(asked.await(PATIENCE_SECONDS, TimeUnit.SECONDS))
                    .as("seed %d: asking takes for ever; %s", seed, calls.values())
                    .isTrue();
        }

        private void request(ResponseCache cache, Random own) {
            int key = own.nextInt(KEYS);
            boolean streaming = key < STREAM_KEYS;
            boolean clear = !healthy && own.nextInt(100) < 6;
            StressClient client = new StressClient(new Random(own.nextLong()), pool, healthy);
            clients.add(client);
            Random calling = new Random(own.nextLong());
            AtomicBoolean called = new AtomicBoolean();
            Upstream upstream = sink -> {
                if (!called.compareAndSet(false, true)) {
                    calledTwice.set(true);
                }
                return call(streaming, calling, sink);
            };
            try {
                cache.respond(
                        chat("{\"stream\":" + streaming + ",\"k\":" + key + "}"),
                        new CacheControls(true, Duration.ofMinutes(5), clear),
                        upstream,
                        client);
            } catch (IllegalStateException onPurpose) {
                // On a hit, an exception of the reader reaches the caller, who reports it to the reader.
                client.fail(onPurpose);
            }
        }

        private Upstream.Call call(boolean streaming, Random calling, ResponseSink sink) {
            if (!healthy && calling.nextInt(100) < 3) {
                throw new IllegalArgumentException("no such upstream, on purpose");
            }
            running.register();
            AtomicBoolean over = new AtomicBoolean();
            StressCall call =
                    new StressCall(callNumbers.incrementAndGet(), streaming, healthy, LIMIT, calling, pool, () -> {
                        if (over.compareAndSet(false, true)) {
                            running.arriveAndDeregister();
                        }
                    });
            calls.put(call.number, call);
            call.begin(sink, calling.nextInt(100) < 5);
            return call;
        }

        // ---- checks

        private void check(StressClient client) {
            assertThat(client.disorder()).as("seed %d: %s", seed, client).isNull();
            if (client.head() == null) {
                return;
            }
            CacheOutcome outcome = client.head().cache();
            if (outcome instanceof CacheOutcome.Collapsed collapsed) {
                checkReplay(client, StressCall.numberOf(collapsed.sourceId()), false);
            } else if (outcome instanceof CacheOutcome.Hit hit) {
                checkReplay(client, StressCall.numberOf(hit.sourceId()), true);
            } else if (StressCall.isSource(client.head().generationId())) {
                checkLeader(client, calls.get(StressCall.numberOf(client.head().generationId())));
            } else {
                checkHandedRound(client);
            }
        }

        private void checkLeader(StressClient client, StressCall call) {
            if (client.ended()) {
                assertThat(call.endedWell())
                        .as("seed %d: %s of %s", seed, client, call)
                        .isTrue();
                assertThat(client.text())
                        .as("seed %d: %s of %s", seed, client, call)
                        .isEqualTo(call.sent());
            } else {
                assertThat(call.sent())
                        .as("seed %d: %s of %s", seed, client, call)
                        .startsWith(client.text());
            }
        }

        private void checkReplay(StressClient client, int source, boolean hit) {
            StressCall call = calls.get(source);
            String whole =
                    call.replay(client.head().generationId(), clock.instant().getEpochSecond());
            assertThat(call.shareable())
                    .as("seed %d: %s of %s", seed, client, call)
                    .isTrue();
            assertThat(whole).as("seed %d: %s of %s", seed, client, call).startsWith(client.text());
            if (client.ended() && hit) {
                // The entry was stored at the terminal event. The provider may have sent more after that event.
                assertThat(client.text().contains("[DONE]") || client.text().equals(whole))
                        .as("seed %d: %s of %s", seed, client, call)
                        .isTrue();
            } else if (client.ended()) {
                assertThat(call.complete())
                        .as("seed %d: %s of %s", seed, client, call)
                        .isTrue();
                assertThat(client.text())
                        .as("seed %d: %s of %s", seed, client, call)
                        .isEqualTo(whole);
            }
        }

        /** After several failed calls, clients get the failure of the last one. */
        private void checkHandedRound(StressClient client) {
            assertThat(outcome(client)).as("seed %d: %s", seed, client).isEqualTo(new CacheOutcome.Miss(300, false));
            if (client.ended()) {
                assertThat(calls.values())
                        .as("seed %d: %s", seed, client)
                        .anyMatch(call -> call.endedWell() && call.sent().equals(client.text()));
            }
        }

        private CacheOutcome outcome(StressClient client) {
            return client.head().cache();
        }
    }
}
