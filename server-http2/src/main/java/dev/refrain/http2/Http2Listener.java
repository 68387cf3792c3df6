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
 * Recognises clients that speak HTTP/2, by ALPN with TLS and by prior knowledge without (RFC 9113, 3.2 and 3.3). It
 * passes each of their streams on as a connection of HTTP/1.1, and other clients' connections unchanged. Thread-safe.
 */
public final class Http2Listener implements ChannelListener<StreamConnection> {
    /** The name of HTTP/2 in ALPN. */
    public static final String ALPN = "h2";

    /** The protocols that a server agrees to, the preferred one first. */
    private static final List<String> AGREED = List.of(ALPN, "http/1.1", "http/1.0");

    /**
     * At most this many connections are open at a time: one for each 64 KiB of heap. Busy ones take more, from the
     * memory budget.
     */
    private static final long MOST = Math.min(250_000, Runtime.getRuntime().maxMemory() / (64 * 1024));

    /**
     * At most this many idle links of all clients together are kept: one for each 256 KiB of heap. A link is a stream's
     * connection of HTTP/1.1. An idle one may hold 24 KiB, which are in no budget.
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
    /** {@link System#nanoTime} by which clients must have moved to other connections. */
    private volatile long closedByNanos;

    /**
     * A listener.
     *
     * @param memory budget for bytes that clients send ahead or do not take
     * @param idle time after which a connection without a request, or without any bytes, is closed
     * @param http1 receives each connection of HTTP/1, and each stream as such a connection, on its I/O thread
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
     * Number of connections of HTTP/2, and of those whose first bytes have not arrived. A connection that turns out to
     * be HTTP/1 is passed on first, and leaves this count afterwards. From any thread.
     */
    public int open() {
        return undecided.get() + connections.size();
    }

    /**
     * Makes clients use other connections for new requests. Those under way go on. May be called again, with less time.
     *
     * @param within time within which clients that are never idle are told as well; requests that they begin meanwhile
     *     are served. If it is zero, idle connections end at once, and others as soon as they are idle. A client that
     *     connects later is told when its first request has been answered
     */
    public void close(Duration within) {
        closedByNanos = System.nanoTime() + within.toNanos();
        closing = true;
        // Only the connections of this moment: later ones are about to send a first request.
        List.copyOf(connections).forEach(connection -> connection.retire(within.toNanos()));
    }

    /** Whether a connection is a stream of HTTP/2, which only its I/O thread may use. */
    public static boolean isStream(StreamConnection connection) {
        return connection instanceof StreamLink;
    }

    /**
     * Makes a server agree to HTTP/2 with clients that offer it. Must be called before the handshake. A client that
     * offers only other protocols wants another kind of server, so the handshake ends (RFC 7301, section 3.2).
     */
    public static void offer(SSLEngine engine) {
        engine.setHandshakeApplicationProtocolSelector((of, offered) ->
                AGREED.stream().filter(offered::contains).findFirst().orElse(null));
    }

    // ---- called by the connections

    /** Whether the handshake has agreed to HTTP/2; null without TLS. */
    static Boolean agreed(StreamConnection connection) {
        return connection instanceof SslConnection secure
                ? ALPN.equals(UndertowXnioSsl.getSslEngine(secure).getApplicationProtocol())
                : null;
    }

    /** A connection has turned out to be HTTP/2. */
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

    /** Whether the time is over in which clients had to move to other connections. */
    boolean isOver() {
        return closing && closedByNanos - System.nanoTime() <= 0;
    }

    void decided() {
        undecided.decrementAndGet();
    }

    /** Whether one more link may be kept idle. If so, {@link #idleEnded} must follow. */
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
