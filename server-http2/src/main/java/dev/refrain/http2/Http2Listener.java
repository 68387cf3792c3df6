package dev.refrain.http2;

import dev.refrain.engine.memory.MemoryBudget;
import io.undertow.protocols.ssl.UndertowXnioSsl;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLEngine;
import org.xnio.ChannelListener;
import org.xnio.IoUtils;
import org.xnio.StreamConnection;
import org.xnio.XnioIoThread;
import org.xnio.ssl.SslConnection;

/**
 * Tells clients that speak HTTP/2 from those that do not, by ALPN with TLS and by prior knowledge without (RFC 9113,
 * 3.2 and 3.3), and serves the former: each of their streams is handed on as a connection of HTTP/1.1. Thread-safe.
 */
public final class Http2Listener implements ChannelListener<StreamConnection> {
    /** The name of HTTP/2 in ALPN. */
    public static final String ALPN = "h2";

    /** Connections at a time: one for each 64 KiB of the heap. A busy one takes more, which is in the memory budget. */
    private static final long MOST = Math.min(250_000, Runtime.getRuntime().maxMemory() / (64 * 1024));

    /**
     * Streams' connections that wait for the next request, of all clients together: one for each 256 KiB of the heap.
     * Each may hold 24 KiB, which are in no budget.
     */
    private static final long MOST_IDLE = Runtime.getRuntime().maxMemory() / (256 * 1024);

    private final MemoryBudget memory;
    private final Duration idle;
    private final ChannelListener<StreamConnection> http1;
    private final Map<XnioIoThread, Buffers> threads = new ConcurrentHashMap<>();
    private final Set<ClientConnection> connections = ConcurrentHashMap.newKeySet();

    private final AtomicLong idling = new AtomicLong();
    private final AtomicInteger undecided = new AtomicInteger();

    private volatile boolean closing;
    /** By {@link System#nanoTime}: when clients have to have gone elsewhere. */
    private volatile long closedByNanos;

    /**
     * A listener.
     *
     * @param memory where what clients send ahead, or do not take, is reserved
     * @param idle how long a connection lasts that has no request, or of which nothing comes
     * @param http1 gets each connection that speaks HTTP/1, and each stream as one that does, on its I/O thread
     */
    public Http2Listener(MemoryBudget memory, Duration idle, ChannelListener<StreamConnection> http1) {
        this.memory = memory;
        this.idle = idle;
        this.http1 = http1;
    }

    /** Takes a new connection, on its I/O thread. */
    @Override
    public void handleEvent(StreamConnection connection) {
        undecided.incrementAndGet();
        new FirstBytes(connection, this).begin();
    }

    /**
     * Connections of HTTP/2, and those whose first bytes have not come. One that turns out to be of HTTP/1 is handed on
     * before it is no more counted here. From any thread.
     */
    public int open() {
        return undecided.get() + connections.size();
    }

    /**
     * Has clients make new connections elsewhere; what is under way goes on. May be called again, with less time.
     *
     * @param within in which clients that are never without a request are told, too; what they begin meanwhile is
     *     served. If it is zero, connections without a request end at once, the others when they have none. A client
     *     that comes later is told when its first request is answered
     */
    public void close(Duration within) {
        closedByNanos = System.nanoTime() + within.toNanos();
        closing = true;
        // Those of this moment: who comes from now on is about to send a first request.
        List.copyOf(connections).forEach(connection -> connection.retire(within.toNanos()));
    }

    /** Whether a connection is a stream of HTTP/2, all of whose calls have to come from its I/O thread. */
    public static boolean isStream(StreamConnection connection) {
        return connection instanceof StreamLink;
    }

    /** Has a server agree to HTTP/2 with clients that offer it; before the handshake. */
    public static void offer(SSLEngine engine) {
        engine.setHandshakeApplicationProtocolSelector(
                // No name at all goes on without ALPN (RFC 7301, 3.2, would end the handshake): that is HTTP/1.1.
                (of, offered) -> offered.contains(ALPN) ? ALPN : offered.contains("http/1.1") ? "http/1.1" : "");
    }

    // ---- for its connections

    /** Whether the handshake has agreed to HTTP/2; null without TLS. */
    static Boolean agreed(StreamConnection connection) {
        return connection instanceof SslConnection secure
                ? ALPN.equals(UndertowXnioSsl.getSslEngine(secure).getApplicationProtocol())
                : null;
    }

    /** Bytes of HTTP/2 have come. */
    void open(StreamConnection connection, ByteBuffer first) {
        if (connections.size() >= MOST) {
            IoUtils.safeClose(connection);
            return;
        }
        ClientConnection opened = new ClientConnections(connection, this).open();
        connections.add(opened);
        opened.begin(first);
        if (closing) {
            opened.retireWhenAnswered(Math.max(0, closedByNanos - System.nanoTime()));
        }
    }

    /** Whether the time is over that clients had to go elsewhere. */
    boolean isOver() {
        return closing && closedByNanos - System.nanoTime() <= 0;
    }

    void decided() {
        undecided.decrementAndGet();
    }

    /** Whether one more may wait for a request; if so, {@link #idleEnded} follows. */
    boolean mayIdle() {
        if (idling.incrementAndGet() <= MOST_IDLE) {
            return true;
        }
        idling.decrementAndGet();
        return false;
    }

    void idleEnded() {
        idling.decrementAndGet();
    }

    void closed(ClientConnection connection) {
        connections.remove(connection);
    }

    ChannelListener<StreamConnection> http1() {
        return http1;
    }

    MemoryBudget memory() {
        return memory;
    }

    Duration idle() {
        return idle;
    }

    Buffers buffers(XnioIoThread thread) {
        return threads.computeIfAbsent(thread, of -> new Buffers());
    }
}
