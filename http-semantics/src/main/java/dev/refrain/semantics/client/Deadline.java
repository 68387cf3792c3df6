package dev.refrain.semantics.client;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/** What happens when something has taken too long. Stateless. */
final class Deadline {
    private Deadline() {}

    /**
     * Runs an action unless a future is complete by then. A complete one is not held until then, nor is what it holds:
     * clients have limits of many minutes.
     *
     * @param limit zero or null for none
     * @param late runs on a thread that must not be held up
     */
    static void of(Duration limit, CompletableFuture<?> future, Runnable late) {
        if (limit == null || limit.isZero()) {
            return;
        }
        // Completed normally, as on 17 nothing else ends the wait.
        CompletableFuture<Void> wait = new CompletableFuture<Void>().orTimeout(limit.toNanos(), TimeUnit.NANOSECONDS);
        wait.whenComplete((none, timeout) -> {
            if (timeout != null) {
                late.run();
            }
        });
        future.whenComplete((any, failure) -> wait.complete(null));
    }

    /**
     * The same on a thread of an executor, for what may take its time. Should the executor take no more tasks, another
     * thread does it: somebody waits for it.
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
