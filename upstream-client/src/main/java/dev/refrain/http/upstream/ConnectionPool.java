package dev.refrain.http.upstream;

import dev.refrain.engine.memory.MemoryBudget;
import io.netty.channel.EventLoopGroup;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;

/** The connections to all providers. Thread-safe. */
final class ConnectionPool {
    private final Connector connector;
    private final EventLoopGroup loops;
    private final UpstreamOptions options;
    private final LongSupplier nanoTime;
    private final MemoryBudget memory;
    private final Map<Origin, ProviderConnections> byOrigin = new ConcurrentHashMap<>();

    /** No connections at first. */
    ConnectionPool(
            Connector connector,
            EventLoopGroup loops,
            UpstreamOptions options,
            LongSupplier nanoTime,
            MemoryBudget memory) {
        this.connector = connector;
        this.loops = loops;
        this.options = options;
        this.nanoTime = nanoTime;
        this.memory = memory;
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
                origin -> new ProviderConnections(origin, connector, loops, options, nanoTime, memory));
    }

    /** Closes connections that have been idle for too long; to be called every now and then. */
    void sweep() {
        byOrigin.values().forEach(ProviderConnections::sweep);
    }

    /** Connections for one call each that are being made. */
    int connectingAlone() {
        return byOrigin.values().stream()
                .mapToInt(ProviderConnections::connectingAlone)
                .sum();
    }

    /** Calls that wait for a connection. */
    int waiting() {
        return byOrigin.values().stream().mapToInt(ProviderConnections::waiting).sum();
    }

    /** Connections that are idle. */
    int idle() {
        return byOrigin.values().stream().mapToInt(ProviderConnections::idle).sum();
    }
}
