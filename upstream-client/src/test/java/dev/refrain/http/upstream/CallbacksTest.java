package dev.refrain.http.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class CallbacksTest {
    private final BlockingQueue<Object> events = new LinkedBlockingQueue<>();
    private final Callbacks callbacks = new Callbacks(2, task -> {
        Thread thread = new Thread(task);
        thread.setUncaughtExceptionHandler((dead, failure) -> events.add(failure.getMessage()));
        return thread;
    });

    @AfterEach
    void close() {
        callbacks.close();
    }

    @Test
    void whatACallbackHandsOverComesAfterItOnItsThread() throws InterruptedException {
        callbacks.execute(() -> {
            callbacks.execute(() -> events.add(Thread.currentThread()));
            events.add("first");
            events.add(Thread.currentThread());
        });

        assertThat(events.poll(10, TimeUnit.SECONDS)).isEqualTo("first");
        Object thread = events.poll(10, TimeUnit.SECONDS);
        assertThat(events.poll(10, TimeUnit.SECONDS)).isNotNull().isSameAs(thread);
    }

    @Test
    void othersDoNotWaitForACallbackThatRuns() throws InterruptedException {
        CountDownLatch other = new CountDownLatch(1);
        callbacks.execute(() -> {
            try {
                events.add(other.await(10, TimeUnit.SECONDS));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });

        callbacks.execute(other::countDown);

        assertThat(events.poll(20, TimeUnit.SECONDS)).isEqualTo(true);
    }

    @Test
    void aCallbackThatFailsTakesNothingWithIt() throws InterruptedException {
        callbacks.execute(() -> {
            callbacks.execute(() -> events.add("second"));
            throw new IllegalStateException("first");
        });

        assertThat(List.of(events.poll(10, TimeUnit.SECONDS), events.poll(10, TimeUnit.SECONDS)))
                .containsExactlyInAnyOrder("first", "second");
    }
}
