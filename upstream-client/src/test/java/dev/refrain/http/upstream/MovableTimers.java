package dev.refrain.http.upstream;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;

/** Timers whose time stands still until a test moves it. */
final class MovableTimers implements Timers {
    private record Due(long nanos, Runnable task, CompletableFuture<Void> ran) {}

    // Guarded by this.
    private final List<Due> waiting = new ArrayList<>();
    private long now;

    @Override
    public synchronized long nanoTime() {
        return now;
    }

    @Override
    public synchronized Future<?> after(long nanos, Runnable task) {
        Due due = new Due(now + nanos, task, new CompletableFuture<>());
        waiting.add(due);
        return due.ran();
    }

    /** Moves the time, and runs the due tasks on this thread. */
    void advance(long nanos) {
        List<Due> due = new ArrayList<>();
        synchronized (this) {
            now += nanos;
            for (Iterator<Due> each = waiting.iterator(); each.hasNext(); ) {
                Due next = each.next();
                if (next.nanos() <= now) {
                    each.remove();
                    due.add(next);
                }
            }
        }
        for (Due each : due) {
            if (each.ran().complete(null)) {
                each.task().run();
            }
        }
    }
}
