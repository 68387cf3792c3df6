package dev.refrain.engine.internal;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class PoolTest {
    @Test
    void anObjectThatWasGivenBackIsUsedAgain() {
        AtomicInteger made = new AtomicInteger();
        Pool<Object> pool = new Pool<>(() -> {
            made.incrementAndGet();
            return new Object();
        });
        Object first = pool.take();
        Object second = pool.take();
        assertThat(second).isNotSameAs(first);
        pool.give(first);
        assertThat(pool.take()).isSameAs(first);
        assertThat(made).hasValue(2);
    }

    @Test
    void aFullPoolDropsObjects() {
        Pool<Object> pool = new Pool<>(Object::new);
        for (int i = 0; i < 1_000; i++) {
            pool.give(new Object());
        }
        assertThat(pool.take()).isNotNull();
    }

    @Test
    void nothingIsTakenByTwo() throws Exception {
        Pool<AtomicBoolean> pool = new Pool<>(AtomicBoolean::new);
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<?>> work = new ArrayList<>();
            for (int t = 0; t < 4; t++) {
                work.add(threads.submit(() -> {
                    for (int i = 0; i < 100_000; i++) {
                        AtomicBoolean mine = pool.take();
                        assertThat(mine.compareAndSet(false, true)).isTrue();
                        mine.set(false);
                        pool.give(mine);
                    }
                }));
            }
            for (Future<?> one : work) {
                one.get();
            }
        } finally {
            threads.shutdownNow();
        }
    }
}
