package dev.refrain.semantics.client;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/** Runs an action when a future takes too long. Stateless. */
final class Deadline {
    private Deadline() {}

    /**
     * Runs an action unless a future completes within a limit. Limits may be many minutes, so a completed future is
     * released at once, and not kept reachable until the limit.
     *
     * @param limit zero or null for none
     * @param late runs on the shared timer thread, so it must not block
     */
    static void of(Duration limit, CompletableFuture<?> future, Runnable late) {
        if (limit == null || limit.isZero()) {
            return;
        }
        // The given future completes this one normally: on JDK 17 nothing else cancels the timer of orTimeout.
        CompletableFuture<Void> wait = new CompletableFuture<Void>().orTimeout(limit.toNanos(), TimeUnit.NANOSECONDS);
        wait.whenComplete((none, timeout) -> {
            if (timeout != null) {
                late.run();
            }
        });
        future.whenComplete((any, failure) -> wait.complete(null));
    }

    /**
     * Like the other method, but runs the action on a thread of an executor, where it may block. If the executor
     * rejects the action, another thread runs it, because a caller waits for what it does.
     *
     * @param late may run twice
     */
    static void of(Duration limit, CompletableFuture<?> future, Executor threads, Runnable late) {
        of(limit, future, () -> {
            try {
                threads.execute(late);
            } catch (RuntimeException | Error e) {
                var unused = CompletableFuture.runAsync(late);
            }
        });
    }
}
