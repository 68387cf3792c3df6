package dev.refrain.http.upstream;

import io.netty.channel.EventLoopGroup;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;

/** The connections to all providers. Thread-safe. */
final class ConnectionPool {
    private final Connector connector;
    private final EventLoopGroup loops;
    private final Duration keepAlive;
    private final boolean http2;
    private final LongSupplier nanoTime;
    private final Map<Origin, ProviderConnections> byOrigin = new ConcurrentHashMap<>();

    /**
     * No connections at first.
     *
     * @param keepAlive how long to keep an idle connection whose provider does not say how long it does
     * @param http2 whether HTTP/2 is spoken to providers that offer it
     */
    ConnectionPool(
            Connector connector, EventLoopGroup loops, Duration keepAlive, boolean http2, LongSupplier nanoTime) {
        this.connector = connector;
        this.loops = loops;
        this.keepAlive = keepAlive;
        this.http2 = http2;
        this.nanoTime = nanoTime;
    }

    /** Begins a call as soon as there is a connection for it. */
    void enter(Exchange call) {
        if (call.request().isForWebSocket()) {
            of(call).enterAlone(call);
        } else {
            of(call).enter(call);
        }
    }

    /** A call is over, and does not wait any more if it did. */
    void withdraw(Exchange call) {
        of(call).withdraw(call);
    }

    private ProviderConnections of(Exchange call) {
        return byOrigin.computeIfAbsent(
                call.request().origin(),
                origin -> new ProviderConnections(origin, connector, loops, keepAlive, http2, nanoTime));
    }

    /** Closes connections that have been idle for too long; to be called every now and then. */
    void sweep() {
        byOrigin.values().forEach(ProviderConnections::sweep);
    }

    /** Connections that are idle. */
    int idle() {
        return byOrigin.values().stream().mapToInt(ProviderConnections::idle).sum();
    }
}
