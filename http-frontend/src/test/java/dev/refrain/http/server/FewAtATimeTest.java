package dev.refrain.http.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.testing.Await;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** However many tasks of one kind wait, the pool has threads for others. {@code DELETE /v1/generation} needs that. */
class FewAtATimeTest {
    private final ExecutorService pool = Executors.newFixedThreadPool(3);

    @AfterEach
    void stop() {
        pool.shutdownNow();
    }

    @Test
    void othersHaveThreadsWhileManyWait() {
        FewAtATime few = new FewAtATime(2);
        Semaphore goOn = new Semaphore(0);
        AtomicInteger begun = new AtomicInteger();
        AtomicInteger ended = new AtomicInteger();
        for (int i = 0; i < 20; i++) {
            int number = i;
            few.execute(
                    () -> {
                        begun.incrementAndGet();
                        try {
                            assertThat(goOn.tryAcquire(60, TimeUnit.SECONDS)).isTrue();
                        } catch (InterruptedException e) {
                            throw new AssertionError(e);
                        }
                        ended.incrementAndGet();
                        if (number == 0) {
                            throw new IllegalStateException("which keeps no other from running");
                        }
                    },
                    pool);
        }
        Await.until(() -> begun.get() == 2);
        assertThat(CompletableFuture.supplyAsync(() -> "served", pool)).succeedsWithin(Duration.ofSeconds(60));
        assertThat(begun).hasValue(2);
        goOn.release(20);
        Await.until(() -> ended.get() == 20);
    }

    @Test
    void aPoolThatRefusesHoldsNoPlace() {
        FewAtATime few = new FewAtATime(1);
        AtomicInteger ended = new AtomicInteger();
        assertThatThrownBy(() -> few.execute(ended::incrementAndGet, task -> {
                    throw new RejectedExecutionException("closed");
                }))
                .isInstanceOf(RejectedExecutionException.class);
        few.execute(ended::incrementAndGet, pool);
        Await.until(() -> ended.get() == 1);
    }
}
