package dev.refrain.http.server;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;

/**
 * Keeps tasks that may take long from holding all threads of a pool that others need: few of them run at a time, and
 * the rest wait without a thread, in order. Each that waits is a request whose connection is open, which bounds them.
 * Thread-safe.
 */
public final class FewAtATime {
    private final int most;
    /** Guarded by this, as is how many run. */
    private final Queue<Runnable> waiting = new ArrayDeque<>();

    private int running;

    /** @param most how many run at a time, positive */
    public FewAtATime(int most) {
        this.most = most;
    }

    /**
     * Runs a task when there is a place for it.
     *
     * @param threads has more of them than may be held
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

    /** Returns what is to run in its place, or null if nothing waits. */
    private synchronized Runnable ended() {
        Runnable task = waiting.poll();
        if (task == null) {
            running--;
        }
        return task;
    }
}
