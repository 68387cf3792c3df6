package dev.refrain.http.upstream;

import java.time.Duration;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Keeps count of the connections that the HTTP client's pool holds for later
 * calls, to tell when a call may be made again.
 *
 * <p>A provider may close an idle connection at any time, also at the moment when the next request is on its way to it.
 * A request that fails so, at once and without a byte of an answer, was not read, and even a POST may be repeated (RFC
 * 9110, 9.2.2: "some means to detect that the original request was never applied"). On a new connection, or later, the
 * provider may have been at work on it, and a second answer would be paid for as well. The client does not say which
 * connection it took; if the pool had one, it took that.
 *
 * <p>Thread-safe. One instance for each client, since each has a pool.
 */
final class IdleConnections {
    /** Far over a round trip, far under what a model takes for an answer. */
    private static final long AT_ONCE = TimeUnit.SECONDS.toNanos(1);

    private final long keptNanos;
    private final LongSupplier nanoTime;
    /** When the connections to an authority became idle, in ascending order. */
    private final Map<String, Queue<Long>> idle = new ConcurrentHashMap<>();

    /** @param kept how long the pool keeps an idle connection */
    IdleConnections(Duration kept, LongSupplier nanoTime) {
        this.keptNanos = kept.toNanos();
        this.nanoTime = nanoTime;
    }

    /**
     * What a call began with.
     *
     * @param pooled whether its connection was used before
     */
    record Taken(boolean pooled, long atNanos) {}

    /** A call begins. */
    Taken take(String authority) {
        long now = nanoTime.getAsLong();
        Queue<Long> connections = idle.getOrDefault(authority, new ConcurrentLinkedQueue<>());
        Long since = connections.poll();
        while (since != null && now - since > keptNanos) {
            since = connections.poll();
        }
        return new Taken(since != null, now);
    }

    /** A call has ended, and another may follow on its connection. */
    void giveBack(String authority) {
        idle.computeIfAbsent(authority, none -> new ConcurrentLinkedQueue<>()).add(nanoTime.getAsLong());
    }

    /** Whether a call that has failed just now without a byte of an answer may be made again. */
    boolean mayRepeat(Taken taken) {
        return taken.pooled() && nanoTime.getAsLong() - taken.atNanos() <= AT_ONCE;
    }
}
