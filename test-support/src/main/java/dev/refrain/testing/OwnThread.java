package dev.refrain.testing;

import java.util.concurrent.Executor;

/**
 * Threads for concurrent tasks of tests. On a machine with two processors the common pool has a single thread, which
 * one blocked task keeps from all others. JDK 17 then starts a thread for each task of a {@code CompletableFuture}, but
 * JDK 25 uses the pool.
 */
public final class OwnThread {
    /** Starts a daemon thread for each task. */
    public static final Executor EACH = task -> {
        Thread thread = new Thread(task, "test");
        thread.setDaemon(true);
        thread.start();
    };

    private OwnThread() {}
}
