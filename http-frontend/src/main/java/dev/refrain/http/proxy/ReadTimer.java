package dev.refrain.http.proxy;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.xnio.XnioExecutor;
import org.xnio.XnioIoThread;

/** Limits the wait for a client's next bytes. The I/O thread's alone. */
final class ReadTimer {
    private final XnioIoThread thread;
    private final Duration limit;
    private final Runnable expired;
    private XnioExecutor.Key running;

    /** @param expired runs on the I/O thread when a wait has taken too long */
    ReadTimer(XnioIoThread thread, Duration limit, Runnable expired) {
        this.thread = thread;
        this.limit = limit;
        this.expired = expired;
    }

    /** A wait begins; does nothing during one. */
    void start() {
        if (running == null) {
            running = thread.executeAfter(
                    () -> {
                        running = null;
                        expired.run();
                    },
                    limit.toNanos(),
                    TimeUnit.NANOSECONDS);
        }
    }

    /** The wait is over. */
    void stop() {
        if (running != null) {
            running.remove();
            running = null;
        }
    }
}
