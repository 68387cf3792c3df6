package dev.refrain.http.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class HandshakesTest {
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(10);

    private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE - 5);
    private final Queue<Runnable> threads = new ArrayDeque<>();
    private final Handshakes handshakes = new Handshakes(2, threads::add, Duration.ofNanos(PATIENCE), nanos::get);
    private final List<String> begun = new ArrayList<>();

    private void begin(String name) {
        handshakes.begin(() -> begun.add(name));
    }

    private void runThreads() {
        while (!threads.isEmpty()) {
            threads.remove().run();
        }
    }

    @Test
    void whoDoesNotFindATurnGetsOneInItsOrder() {
        for (String name : List.of("a", "b", "c", "d")) {
            begin(name);
        }
        assertThat(begun).containsExactly("a", "b");
        handshakes.over(true);
        assertThat(begun).as("not within the call").containsExactly("a", "b");
        runThreads();
        assertThat(begun).containsExactly("a", "b", "c");
        handshakes.over(false);
        handshakes.over(true);
        runThreads();
        assertThat(begun).containsExactly("a", "b", "c", "d");
        handshakes.over(true);
        for (String name : List.of("e", "f", "g")) {
            begin(name);
        }
        assertThat(begun).as("two turns are left").endsWith("d", "e", "f");
    }

    @Test
    void aWaitIsInVainOnceNobodyGetsThrough() {
        long first = nanos.get();
        nanos.addAndGet(PATIENCE);
        assertThat(handshakes.areStuck(first)).isFalse();
        nanos.incrementAndGet();
        assertThat(handshakes.areStuck(first)).isTrue();
        assertThat(handshakes.areStuck(nanos.get())).as("has only just come").isFalse();

        begin("a");
        handshakes.over(false);
        assertThat(handshakes.areStuck(first)).isTrue();
        begin("b");
        handshakes.over(true);
        assertThat(handshakes.areStuck(first)).isFalse();
        nanos.addAndGet(PATIENCE + 1);
        assertThat(handshakes.areStuck(first)).isTrue();
    }

    @Test
    void noTurnIsLostAndNoneIsGivenTwice() throws InterruptedException {
        int all = 20_000;
        ExecutorService pool = Executors.newFixedThreadPool(4);
        Handshakes busy = new Handshakes(3, pool, Duration.ofNanos(PATIENCE), System::nanoTime);
        AtomicInteger running = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        CountDownLatch left = new CountDownLatch(all);
        for (int i = 0; i < all; i++) {
            pool.execute(() -> busy.begin(() -> {
                most.accumulateAndGet(running.incrementAndGet(), Math::max);
                pool.execute(() -> {
                    running.decrementAndGet();
                    busy.over(true);
                    left.countDown();
                });
            }));
        }
        assertThat(left.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(most.get()).isBetween(1, 3);
        pool.shutdown();
    }
}
