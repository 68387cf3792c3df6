package dev.refrain.http.upstream;

import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.answer.Unreachable;
import io.netty.channel.EventLoopGroup;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * Connections to one provider that serve a single call each: those for websockets. As many may be made at a time as
 * shared ones, but the two kinds are counted separately, so that a burst of one does not delay the other.
 *
 * <p>Thread-safe. The monitor is a leaf lock: no call's methods run while it is held.
 */
final class LoneConnections implements Http1Connection.Owner {
    private record Waiting(Exchange call, long sinceNanos) {}

    private final Origin origin;
    private final Connector connector;
    private final EventLoopGroup loops;
    private final Reachability reachability;
    private final LongSupplier nanoTime;

    // Guarded by this.
    private final Deque<Waiting> waiting = new ArrayDeque<>();
    private int connecting;

    LoneConnections(
            Origin origin,
            Connector connector,
            EventLoopGroup loops,
            Reachability reachability,
            LongSupplier nanoTime) {
        this.origin = origin;
        this.connector = connector;
        this.loops = loops;
        this.reachability = reachability;
        this.nanoTime = nanoTime;
    }

    void enter(Exchange call) {
        synchronized (this) {
            waiting.addLast(new Waiting(call, nanoTime.getAsLong()));
        }
        if (call.isOver()) {
            // The call may have been withdrawn before it was added.
            withdraw(call);
        }
        connect();
    }

    /** Number of connections being made. */
    synchronized int connecting() {
        return connecting;
    }

    synchronized void withdraw(Exchange call) {
        waiting.removeIf(each -> each.call() == call);
    }

    private void connect() {
        while (true) {
            Exchange next;
            synchronized (this) {
                if (waiting.isEmpty() || connecting == ProviderConnections.MOST_CONNECTING) {
                    return;
                }
                connecting++;
                next = waiting.pollFirst().call();
            }
            connectFor(next);
        }
    }

    private void connectFor(Exchange call) {
        connector.connect(origin, loops.next(), false, true, new Connector.Receiver() {
            @Override
            public void connected(WatchedChannel channel, ProxyRules.Proxy via) {
                synchronized (LoneConnections.this) {
                    connecting--;
                }
                Http1Connection connection =
                        new Http1Connection(channel, origin.secure(), via, LoneConnections.this, nanoTime);
                channel.pipeline().addLast(connection);
                channel.read();
                if (!connection.start(call)) {
                    call.unconnected(ProxyException.unreachable(Unreachable.OTHER, null));
                }
                connect();
            }

            @Override
            public void unconnected(ProxyException why) {
                unreachable(why);
                List<Exchange> failed = new ArrayList<>(List.of(call));
                failed.addAll(failedToo());
                failed.forEach(each -> each.unconnected(why));
                connect();
            }
        });
    }

    /**
     * A connection could not be made. Removes the calls that have waited for as long as the timeout for connecting;
     * they fail without an attempt of their own.
     */
    private synchronized List<Exchange> failedToo() {
        connecting--;
        List<Exchange> failed = new ArrayList<>();
        long since = nanoTime.getAsLong() - connector.limit().toNanos();
        while (!waiting.isEmpty() && waiting.peekFirst().sinceNanos() - since <= 0) {
            failed.add(waiting.pollFirst().call());
        }
        return failed;
    }

    @Override
    public void idle(Http1Connection connection) {
        connection.close();
    }

    @Override
    public void answers() {
        reachability.answers();
    }

    @Override
    public void unreachable(ProxyException why) {
        reachability.lost(why);
    }

    @Override
    public void closed(Http1Connection connection) {}
}
