package dev.refrain.http.server;

import java.util.concurrent.TimeUnit;
import org.xnio.XnioExecutor;
import org.xnio.XnioIoThread;

/**
 * Limits the time for which the proxy waits for a client to send or to receive. A single wait may last for the limit.
 * All waits of a request together may last for the limit plus a second for each KiB moved, so that a client cannot hold
 * resources by moving a byte now and then.
 *
 * <p>Used on the I/O thread only, except {@link #expire}.
 */
public final class WaitTimer {
    private static final int BYTES_PER_SECOND = 1024;
    private static final long NANOS_PER_BYTE = TimeUnit.SECONDS.toNanos(1) / BYTES_PER_SECOND;

    private final XnioIoThread thread;
    private final SlowClients slowClients;
    private final long limitNanos;
    private final Runnable expired;

    private XnioExecutor.Key running;
    private long startedNanos;
    /** Time left for all waits together. */
    private long leftNanos;

    /** @param expired runs on the I/O thread when a wait has taken too long */
    public WaitTimer(XnioIoThread thread, ClientLimits limits, Runnable expired) {
        this.thread = thread;
        this.slowClients = limits.slowClients();
        this.limitNanos = limits.timeout().toNanos();
        this.leftNanos = limitNanos;
        this.expired = expired;
    }

    /** Begins a wait; does nothing during one. */
    public void start() {
        if (running == null) {
            startedNanos = System.nanoTime();
            running = thread.executeAfter(
                    () -> {
                        running = null;
                        slowClients.end(this);
                        expired.run();
                    },
                    Math.max(0, Math.min(limitNanos, leftNanos)),
                    TimeUnit.NANOSECONDS);
            slowClients.begin(this);
        }
    }

    /** Ends a wait that is still going on as if it had taken too long; from any thread. */
    void expire() {
        thread.execute(() -> {
            if (running != null) {
                stop(0);
                expired.run();
            }
        });
    }

    /** Ends the wait, if there is one, because this many bytes have moved. */
    public void stop(int bytes) {
        leftNanos += bytes * NANOS_PER_BYTE;
        if (running != null) {
            leftNanos -= System.nanoTime() - startedNanos;
            running.remove();
            running = null;
            slowClients.end(this);
        }
    }
}
