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

    /** Begins without connections. */
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

    /** A call is over. If it waits for a connection, it stops waiting. */
    void withdraw(Exchange call) {
        of(call).withdraw(call);
    }

    private ProviderConnections of(Exchange call) {
        return byOrigin.computeIfAbsent(
                call.request().origin(),
                origin -> new ProviderConnections(origin, connector, loops, options, nanoTime, memory));
    }

    /** Closes connections that have been idle for too long. Must be called at intervals. */
    void sweep() {
        byOrigin.values().forEach(ProviderConnections::sweep);
    }

    /** Number of connections being made that serve one call each. */
    int connectingAlone() {
        return byOrigin.values().stream()
                .mapToInt(ProviderConnections::connectingAlone)
                .sum();
    }

    /** Number of calls that wait for a connection. */
    int waiting() {
        return byOrigin.values().stream().mapToInt(ProviderConnections::waiting).sum();
    }

    /** Number of idle connections. */
    int idle() {
        return byOrigin.values().stream().mapToInt(ProviderConnections::idle).sum();
    }
}
