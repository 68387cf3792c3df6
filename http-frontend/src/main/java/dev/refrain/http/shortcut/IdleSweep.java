package dev.refrain.http.shortcut;

import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.xnio.XnioIoThread;

/**
 * Closes connections that have been idle for too long. Undertow cannot do that, since it does not see the requests that
 * a {@link Shortcut} answers. Used on the I/O thread only.
 */
final class IdleSweep {
    private static final int SWEEPS_PER_LIMIT = 12;
    private static final long SHORTEST_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private final XnioIoThread thread;
    private final long limitNanos;
    /** Weak, so that a closed connection, and perhaps an answer of megabytes, is freed before the next sweep. */
    private List<WeakReference<Shortcut>> connections = new ArrayList<>();

    private boolean running;

    IdleSweep(XnioIoThread thread, Duration limit) {
        this.thread = thread;
        this.limitNanos = limit.toNanos();
    }

    void add(Shortcut connection) {
        connections.add(new WeakReference<>(connection));
        if (!running) {
            running = true;
            pause();
        }
    }

    private void pause() {
        try {
            thread.executeAfter(
                    this::sweep, Math.max(limitNanos / SWEEPS_PER_LIMIT, SHORTEST_NANOS), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException stopping) {
            connections.clear();
        }
    }

    private void sweep() {
        long before = System.nanoTime() - limitNanos;
        List<WeakReference<Shortcut>> left = new ArrayList<>(connections.size());
        for (WeakReference<Shortcut> connection : connections) {
            Shortcut open = connection.get();
            if (open != null && !open.closeIfIdleSince(before)) {
                left.add(connection);
            }
        }
        connections = left;
        running = !left.isEmpty();
        if (running) {
            pause();
        }
    }
}
