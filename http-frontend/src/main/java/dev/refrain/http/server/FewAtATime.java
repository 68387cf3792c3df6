package dev.refrain.http.server;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;

/**
 * Keeps long tasks from occupying all threads of a pool that others need. Few of them run at a time; the rest wait in
 * order, without a thread. Open connections bound the queue, since each task belongs to a request. Thread-safe.
 */
public final class FewAtATime {
    private final int most;
    /** Guarded by this, as is {@link #running}. */
    private final Queue<Runnable> waiting = new ArrayDeque<>();

    private int running;

    /** @param most how many run at a time, positive */
    public FewAtATime(int most) {
        this.most = most;
    }

    /**
     * Runs a task as soon as fewer than the allowed number run.
     *
     * @param threads a pool with more threads than tasks may occupy
     */
    public void execute(Runnable task, Executor threads) {
        synchronized (this) {
            if (running == most) {
                waiting.add(task);
                return;
            }
            running++;
        }
        start(task, threads);
    }

    private void start(Runnable task, Executor threads) {
        boolean started = false;
        try {
            threads.execute(() -> {
                try {
                    task.run();
                } finally {
                    next(threads);
                }
            });
            started = true;
        } finally {
            if (!started) {
                ended();
            }
        }
    }

    private void next(Executor threads) {
        Runnable task = ended();
        if (task != null) {
            start(task, threads);
        }
    }

    /** Returns the task to run next, or null if none waits. */
    private synchronized Runnable ended() {
        Runnable task = waiting.poll();
        if (task == null) {
            running--;
        }
        return task;
    }
}
