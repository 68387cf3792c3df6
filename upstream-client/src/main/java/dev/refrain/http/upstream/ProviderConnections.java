package dev.refrain.http.upstream;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.answer.Unreachable;
import io.netty.channel.EventLoopGroup;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The connections to one provider. A call takes the connection that became idle last. If there is none, it waits for a
 * new connection or one that another call gives back, whichever comes first. A connection of HTTP/2 has places for
 * several calls. The oldest is filled first, so that the others become idle and are closed.
 *
 * <p>The number of connections being made at a time is limited. A handshake takes milliseconds of a processor. If all
 * handshakes of a burst began at once, all would end late, perhaps after their timeout. In turns, the first ones end
 * soon, and their calls can begin.
 *
 * <p>Thread-safe. The monitor is a leaf lock: no call's methods run while it is held.
 *
 * <p>Long, since calls wait in one queue for connections of both versions, and cannot know which they will get.
 */
final class ProviderConnections implements Http1Connection.Owner, Http2Connection.Owner {
    /**
     * At most this many connections are being made at a time. That allows hundreds a second to a provider on the other
     * side of the world, for a fraction of a second of processor time.
     */
    static final int MOST_CONNECTING = 128;
    /**
     * {@link #MOST_CONNECTING} until it is known how many calls a connection takes. Over HTTP/2 it may take 100, so
     * that a burst would make far too many connections. Not only one is made, since that one may be stuck.
     */
    private static final int MOST_CONNECTING_AT_FIRST = 2;

    /** Margin for a provider's own keep-alive time, to cover the network delay. */
    private static final long SPARE_NANOS = TimeUnit.SECONDS.toNanos(1);

    /**
     * Time after an answer within which a provider that keeps no connections closes them, without having said so. Until
     * a provider is known to keep connections, each connection rests for this long before it is used again. Otherwise a
     * request would now and then be sent over a connection that is just being closed.
     */
    private static final long REST_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private record Waiting(Exchange call, long sinceNanos) {}

    private final Connector connector;
    private final EventLoopGroup loops;
    private final Duration keepAlive;
    private final LongSupplier nanoTime;
    private final MemoryBudget memory;
    private final Origin origin;
    private final Reachability reachability;
    private final LoneConnections lone;
    // The connection that became idle first comes first; guarded by this.
    private final Deque<Http1Connection> idle = new ArrayDeque<>();
    /** Connections of HTTP/2 that take calls. */
    private final List<Http2Connection> shared = new ArrayList<>();
    /** How many calls a connection takes at a time, judged by the latest one; 0 before the first. */
    private int places;

    /** Whether HTTP/2 is offered; false once the provider has asked for HTTP/1.1. */
    private boolean http2;

    private final Deque<Waiting> waiting = new ArrayDeque<>();
    private int connecting;
    /** When the latest connection was made; meaningless before the first. */
    private long connectedNanos;

    private boolean everConnected;
    /** Whether connections are known to stay open after an answer. */
    private boolean isKeeping;

    private boolean everClosedSoon;

    /** Begins without connections. */
    ProviderConnections(
            Origin origin,
            Connector connector,
            EventLoopGroup loops,
            UpstreamOptions options,
            LongSupplier nanoTime,
            MemoryBudget memory) {
        this.origin = origin;
        this.reachability = new Reachability(origin);
        this.connector = connector;
        this.loops = loops;
        this.keepAlive = options.timeouts().keepAlive();
        this.http2 = options.http2();
        this.nanoTime = nanoTime;
        this.memory = memory;
        this.lone = new LoneConnections(origin, connector, loops, reachability, nanoTime);
    }

    /** Finds a connection for a call. A call that another connection could not take may have ended meanwhile. */
    void enter(Exchange call) {
        Http2Connection free;
        Http1Connection connection;
        synchronized (this) {
            free = reserve();
            connection = free == null ? take() : null;
            if (free == null && connection == null) {
                waiting.addLast(new Waiting(call, nanoTime.getAsLong()));
            }
        }
        if (free != null) {
            free.start(call);
        } else if (connection != null) {
            start(connection, call);
        } else {
            if (call.isOver()) {
                // The call may have been withdrawn before it was added.
                withdraw(call);
            }
            connect();
        }
    }

    /** Number of calls that wait for a connection. */
    synchronized int waiting() {
        return waiting.size();
    }

    /** Makes a connection for this call alone. */
    void enterAlone(Exchange call) {
        lone.enter(call);
    }

    /** Number of connections being made that serve one call each. */
    int connectingAlone() {
        return lone.connecting();
    }

    /** Whether a call has waited for as long as the timeout for connecting. */
    private boolean hasWaitedTooLong(Waiting call, long now) {
        return now - call.sinceNanos() >= connector.limit().toNanos();
    }

    /** Reserves a place on a connection of HTTP/2; null if there is none. */
    private Http2Connection reserve() {
        for (Http2Connection connection : shared) {
            if (connection.reserve()) {
                return connection;
            }
        }
        return null;
    }

    private Http1Connection take() {
        isKeeping = isKeeping || idle.stream().anyMatch(each -> each.isUsed() && rested(each) >= REST_NANOS);
        if (isKeeping) {
            return idle.pollLast();
        }
        Http1Connection unused =
                idle.stream().filter(each -> !each.isUsed()).findFirst().orElse(null);
        idle.remove(unused);
        return unused;
    }

    private long rested(Http1Connection connection) {
        return nanoTime.getAsLong() - connection.idleSinceNanos();
    }

    /** Starts a call asynchronously, because the caller may be in the middle of another call's answer. */
    private void start(Http1Connection connection, Exchange call) {
        connection.loop().execute(() -> startNow(connection, call));
    }

    private void startNow(Http1Connection connection, Exchange call) {
        boolean isUsed = connection.isUsed();
        if (!isFresh(connection)) {
            connection.close();
            enter(call);
        } else if (!connection.start(call)) {
            if (isUsed) {
                enter(call);
            } else {
                call.unconnected(ProxyException.unreachable(Unreachable.OTHER, null));
            }
        }
    }

    void withdraw(Exchange call) {
        lone.withdraw(call);
        synchronized (this) {
            waiting.removeIf(each -> each.call() == call);
        }
    }

    /** Makes connections while more calls wait than the connections being made can take. */
    private void connect() {
        while (true) {
            synchronized (this) {
                boolean isUnknown = http2 && origin.secure() && places == 0;
                int needed = (waiting.size() + Math.max(1, places) - 1) / Math.max(1, places);
                if (connecting >= Math.min(needed, isUnknown ? MOST_CONNECTING_AT_FIRST : MOST_CONNECTING)) {
                    return;
                }
                connecting++;
            }
            connectOne();
        }
    }

    private void connectOne() {
        connector.connect(origin, loops.next(), offersHttp2(), false, new Connector.Receiver() {
            @Override
            public void connected(WatchedChannel channel, ProxyRules.Proxy via) {
                if (channel.speaks(Connector.HTTP_2)) {
                    share(channel);
                    return;
                }
                Http1Connection connection =
                        new Http1Connection(channel, origin.secure(), via, ProviderConnections.this, nanoTime);
                channel.pipeline().addLast(connection);
                channel.read();
                made(connection);
                connect();
            }

            @Override
            public void unconnected(ProxyException why) {
                unreachable(why);
                ProviderConnections.this.unconnected(why);
            }
        });
    }

    // ---- connections of HTTP/2

    private synchronized boolean offersHttp2() {
        return http2;
    }

    /** Adds a connection of HTTP/2. It counts as being made until its provider has said how many calls it takes. */
    private void share(WatchedChannel channel) {
        Http2Connection connection = Http2Connections.open(channel, this, connector.limit(), nanoTime, memory);
        boolean isWanted;
        synchronized (this) {
            shared.add(connection);
            isWanted = http2;
        }
        if (isWanted) {
            hasRoom(connection);
        } else {
            // HTTP/2 was agreed on before the provider asked for HTTP/1.1.
            connection.run(connection::retire);
        }
    }

    @Override
    public void wantsHttp1() {
        List<Http2Connection> current;
        synchronized (this) {
            if (!http2) {
                return;
            }
            http2 = false;
            places = 1;
            current = List.copyOf(shared);
        }
        reachability.wantsHttp1();
        current.forEach(connection -> connection.run(connection::retire));
    }

    @Override
    public void ready(Http2Connection connection) {
        int most = connection.capacity();
        if (most == 0) {
            unconnected(ProxyException.unreachable(Unreachable.OTHER, null));
            return;
        }
        synchronized (this) {
            connecting--;
            places = most;
            everConnected = true;
            connectedNanos = nanoTime.getAsLong();
        }
        connect();
    }

    @Override
    public void hasRoom(Http2Connection connection) {
        while (true) {
            Waiting next;
            synchronized (this) {
                if (waiting.isEmpty() || !shared.contains(connection) || !connection.reserve()) {
                    return;
                }
                next = waiting.pollFirst();
            }
            connection.start(next.call());
        }
    }

    @Override
    public void retired(Http2Connection connection, ProxyException why) {
        boolean isLost;
        synchronized (this) {
            shared.remove(connection);
            isLost = why != null && http2;
            if (why != null && !http2) {
                // The connection still counted as being made, and HTTP/2 is no longer wanted.
                connecting--;
            }
        }
        if (isLost) {
            unconnected(why);
        } else {
            connect();
        }
    }

    @Override
    public void notBegun(Exchange call) {
        enter(call);
    }

    // ---- connections of both versions

    /**
     * Fails the call that has waited longest, and all that have waited for as long as the timeout for connecting. If
     * other connections to the provider succeed, the provider is merely slow. Then only one call fails. After a timeout
     * none fails, and the connection is tried again.
     */
    private void unconnected(ProxyException why) {
        List<Exchange> failed = new ArrayList<>();
        synchronized (this) {
            connecting--;
            long now = nanoTime.getAsLong();
            long limit = connector.limit().toNanos();
            boolean othersComeThrough = everConnected && now - connectedNanos < limit;
            int most = !othersComeThrough ? Integer.MAX_VALUE : Unreachable.isTimeout(why.reason()) ? 0 : 1;
            while (!waiting.isEmpty()
                    && failed.size() < most
                    && (failed.isEmpty() || hasWaitedTooLong(waiting.peekFirst(), now))) {
                failed.add(waiting.pollFirst().call());
            }
        }
        failed.forEach(call -> call.unconnected(why));
        connect();
    }

    @Override
    public void unreachable(ProxyException why) {
        reachability.lost(why);
    }

    @Override
    public void answers() {
        reachability.answers();
    }

    /**
     * A connection has been made, and takes its call in the same step. Otherwise another thread could see the call
     * waiting without a connection being made for it, and make one more.
     */
    private void made(Http1Connection connection) {
        Waiting next;
        synchronized (this) {
            connecting--;
            places = 1;
            everConnected = true;
            connectedNanos = nanoTime.getAsLong();
            next = waitingFor(connection);
        }
        if (next != null) {
            start(connection, next.call());
        }
    }

    @Override
    public void idle(Http1Connection connection) {
        Waiting next;
        synchronized (this) {
            isKeeping |= connection.keptSeconds() > 0 && !everClosedSoon;
            next = waitingFor(connection);
        }
        if (next != null) {
            start(connection, next.call());
        }
    }

    /** The call that gets the connection. If none waits, the connection becomes idle. */
    private Waiting waitingFor(Http1Connection connection) {
        Waiting next = connection.isUsed() && !isKeeping ? null : waiting.pollFirst();
        if (next == null) {
            idle.addLast(connection);
        }
        return next;
    }

    @Override
    public synchronized void closed(Http1Connection connection) {
        if (idle.remove(connection) && connection.isUsed() && rested(connection) < REST_NANOS) {
            everClosedSoon = true;
            isKeeping = false;
        }
    }

    void sweep() {
        List<Http1Connection> old = new ArrayList<>();
        List<Http2Connection> current;
        synchronized (this) {
            current = List.copyOf(shared);
            for (Iterator<Http1Connection> each = idle.iterator(); each.hasNext(); ) {
                Http1Connection connection = each.next();
                if (!isFresh(connection)) {
                    each.remove();
                    old.add(connection);
                }
            }
        }
        old.forEach(connection -> connection.loop().execute(connection::close));
        current.forEach(connection -> connection.run(() -> connection.tick(keepAlive)));
    }

    synchronized int idle() {
        return idle.size()
                + (int) shared.stream().filter(Http2Connection::isIdle).count();
    }

    private boolean isFresh(Http1Connection connection) {
        long idle = nanoTime.getAsLong() - connection.idleSinceNanos();
        long kept = keepAlive.toNanos();
        if (connection.keptSeconds() >= 0) {
            kept = TimeUnit.SECONDS.toNanos(connection.keptSeconds());
            kept -= Math.min(kept / 2, SPARE_NANOS);
        }
        return idle < kept;
    }
}
