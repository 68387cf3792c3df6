package dev.refrain.testing;

import java.util.concurrent.Executor;

/**
 * Threads for what tests do beside each other. The common pool has a single thread on a machine with two processors,
 * and a task that waits for a socket or a file keeps it from all others. JDK 25 has {@code CompletableFuture} use the
 * pool even then, where 17 starts threads.
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
