package dev.refrain.http.upstream;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;

/**
 * The threads on which the HTTP client calls back. What such a callback hands over itself comes after it, on the same
 * thread: the client takes an answer through half a dozen steps that way, and to wake a thread for each takes longer
 * than most of them. No callback waits for another.
 */
final class Callbacks implements Executor, AutoCloseable {
    /** Null but on the threads, where it holds what comes after the callback that runs. */
    private static final ThreadLocal<Queue<Runnable>> FOLLOWING = new ThreadLocal<>();

    private final ExecutorService threads;

    Callbacks(int threads, ThreadFactory factory) {
        this.threads = Executors.newFixedThreadPool(threads, factory);
    }

    @Override
    public void execute(Runnable task) {
        Queue<Runnable> later = FOLLOWING.get();
        if (later != null) {
            later.add(task);
        } else {
            threads.execute(() -> run(task));
        }
    }

    private void run(Runnable first) {
        Queue<Runnable> later = new ArrayDeque<>(4);
        FOLLOWING.set(later);
        try {
            for (Runnable task = first; task != null; task = later.poll()) {
                task.run();
            }
        } finally {
            FOLLOWING.remove();
            // Nothing, unless a callback has failed.
            later.forEach(this::execute);
        }
    }

    /** No more is begun. */
    @Override
    public void close() {
        threads.shutdown();
    }
}
