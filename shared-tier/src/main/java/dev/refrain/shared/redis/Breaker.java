package dev.refrain.shared.redis;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * A circuit breaker, which keeps requests from waiting for a server that does not answer. It opens when commands have
 * timed out for half a second without a single answer: a pause of some milliseconds, or a burst that waits in a queue,
 * is not an outage. Any answer closes the breaker. While it is open, only probes are sent. A lost connection needs no
 * breaker, because nothing can be sent then. Thread-safe.
 */
final class Breaker {
    static final long OPENS_AFTER_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    static final int OPENS_AFTER_TIMEOUTS = 3;

    private final LongSupplier nanos;
    private volatile boolean open;
    // Guarded by this.
    private int timeouts;
    private long firstTimeout;

    /** @param nanos returns a monotonic time in nanoseconds */
    Breaker(LongSupplier nanos) {
        this.nanos = nanos;
    }

    boolean isOpen() {
        return open;
    }

    /** Takes note that a command was not answered in time. Returns true if that opened the breaker. */
    synchronized boolean timedOut() {
        long now = nanos.getAsLong();
        if (timeouts++ == 0) {
            firstTimeout = now;
        }
        boolean opens = !open && timeouts >= OPENS_AFTER_TIMEOUTS && now - firstTimeout >= OPENS_AFTER_NANOS;
        open |= opens;
        return opens;
    }

    /** Takes note that a command was answered, or a connection made. Returns true if that closed the breaker. */
    synchronized boolean answered() {
        boolean closes = open;
        open = false;
        timeouts = 0;
        return closes;
    }
}
