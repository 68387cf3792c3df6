package dev.refrain.http.upstream;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.forward.AnswerFields;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/**
 * One call to the upstream: sends a request and passes the answer to a sink as it arrives.
 *
 * <p>When some pieces have come, more are asked for when all have been taken ({@link ResponseSink#whenDrained}), so
 * that a slow client slows the provider down instead of filling memory. A call is made again only if its connection was
 * closed before the request could be written, as nobody can have acted on it then (RFC 9110, 9.2.2). Timers may end the
 * call while the connection's event loop delivers, so deliveries hold this object's monitor; the sink never blocks,
 * hence neither do they. Thread-safe.
 */
public final class UpstreamCall implements Upstream, Upstream.Call, Admission.Applicant, Exchange {
    /** A provider that shuts down may refuse a call on one connection after another. */
    private static final int MOST_REPEATS = 3;

    /**
     * Bytes of an answer that are passed on before anybody asks whether they have been taken. To ask takes a turn of
     * the client's thread and one of the provider's, which short events are not worth.
     */
    private static final int UNASKED_BYTES = 8 * 1024;

    private final UpstreamClient client;
    private final UpstreamRequest request;
    /** Whether its client has taken an answer before. */
    private final boolean clientKnown;

    private final Consumer<ResponseHead> interims;

    private ResponseSink sink;
    /** Null while there is no connection. */
    private Wire wire;

    /** How often it was made again, because nobody could have acted on it. */
    private int repeats;

    /** Null until the answer begins. */
    private AnswerFields fields;

    private Future<?> timer;
    private long lastPieceNanos;
    private boolean waitingForUpstream;
    /** Bytes since it was last asked whether they have been taken. */
    private int unasked;

    /** How long to wait for a piece. */
    private Duration patience;
    /** Null unless this has become a websocket. */
    private Tunnels.Tunnel tunnel;
    /** Reserved for the answer's head beside the room of every call. */
    private long longHeadBytes;
    /** For what may come ahead of the client beside the room of every call; null if that is enough. */
    private MemoryBudget.Reservation ahead;

    /** Bytes of the body that have not come yet; negative while nobody knows. */
    private long missing = -1;

    private boolean answered;
    private boolean admitted;
    private boolean waiting;
    /** Changed with the monitor held. */
    private volatile boolean over;

    /**
     * Not made yet.
     *
     * @param clientKnown whether its client has taken an answer over the same connection before
     * @param interims hears of each answer ahead of the answer (status 1xx), on any thread
     */
    public UpstreamCall(
            UpstreamClient client, UpstreamRequest request, boolean clientKnown, Consumer<ResponseHead> interims) {
        this.client = client;
        this.request = request;
        this.clientKnown = clientKnown;
        this.interims = interims;
        this.patience = client.options().timeouts().idle();
    }

    @Override
    public Upstream.Call fetch(ResponseSink target) {
        if (mayBegin(target)) {
            enter();
        }
        return this;
    }

    private synchronized boolean mayBegin(ResponseSink target) {
        sink = target;
        if (!client.opened(this)) {
            finish(ProxyException.overloaded(client.options().maxCalls()));
            return false;
        }
        switch (client.admission().enter(this, clientKnown)) {
            case ADMITTED -> begin();
            case WAITS -> waiting = true;
            default -> finish(ProxyException.noRoom());
        }
        return admitted;
    }

    @Override
    public void admitted() {
        try {
            synchronized (this) {
                waiting = false;
                if (over) {
                    client.admission().leave();
                    return;
                }
                begin();
            }
            enter();
        } catch (RuntimeException | Error e) {
            finish(e); // on a thread on which nobody would hear of it
        }
    }

    @Override
    public void refused() {
        abort(ProxyException.noRoom());
    }

    private void begin() {
        admitted = true;
        Duration limit = client.options().timeouts().response();
        timer = client.time().after(limit.toNanos(), () -> abort(ProxyException.silent(limit)));
    }

    /**
     * Goes for a connection. Without the monitor: the connection's thread wants it first of all, and is often at work
     * before this one goes on. Should the call have ended meanwhile, the connection is told so.
     */
    private void enter() {
        if (!over) {
            client.connections().enter(this);
        }
    }

    @Override
    public boolean isOver() {
        return over;
    }

    @Override
    public UpstreamRequest request() {
        return request;
    }

    @Override
    public synchronized boolean begins(Wire next) {
        wire = over ? null : next;
        return !over;
    }

    @Override
    public void unconnected(Throwable why) {
        finish(why);
    }

    @Override
    public void unsent(Throwable why) {
        synchronized (this) {
            wire = null;
            if (!over && repeats < MOST_REPEATS) {
                repeats++;
                client.connections().enter(this);
                return;
            }
        }
        finish(why);
    }

    @Override
    public void cancel() {
        abort(ProxyException.cancelled());
    }

    /** Ends the call from this side; the sink fails with the given cause unless it is over already. */
    void abort(Throwable cause) {
        Wire running;
        synchronized (this) {
            if (over) {
                return;
            }
            running = wire;
            finish(cause);
        }
        if (running != null) {
            running.cancel();
        } else {
            client.connections().withdraw(this);
        }
    }

    @Override
    public synchronized boolean mayHoldHead(long bytes) {
        long more = bytes - Admission.HEAD_BYTES - longHeadBytes;
        if (over || more <= 0) {
            return true;
        }
        // Long ones are rare, and are to leave room for calls.
        boolean isGranted = client.memory()
                .reserve(more, bytes <= MemoryBudget.SMALL ? MemoryBudget.Use.SHORT : MemoryBudget.Use.STORING);
        longHeadBytes += isGranted ? more : 0;
        return isGranted;
    }

    @Override
    public synchronized boolean mayHoldAhead(long bytes) {
        if (over) {
            return false;
        }
        if (ahead == null) {
            // A wider window is only faster, so others need the memory more.
            ahead = client.memory().openForStoring();
        }
        return ahead.resize(bytes);
    }

    @Override
    public void interim(AnswerHead head) {
        interims.accept(head.toResponseHead());
    }

    @Override
    public synchronized void head(AnswerHead head) {
        if (!over) {
            timer.cancel(false);
            client.errors().answered(head.status());
            ResponseHead answer = head.toResponseHead();
            missing = answer.contentLength();
            if (head.switchesProtocols()) {
                tunnel = client.tunnels().open(request);
                patience = client.options().timeouts().tunnelIdle();
            }
            fields = (AnswerFields) answer.fields();
            lastPieceNanos = client.time().nanoTime();
            waitingForUpstream = true;
            // First, because the receiver of the head may break off at once, and then no time limit may be left.
            watchForSilence(patience.toNanos());
            sink.head(answer);
        }
    }

    /** Checks rather than reschedules for every piece: pieces come often, silence hardly ever. */
    private void watchForSilence(long nanos) {
        timer = client.time().after(nanos, () -> {
            synchronized (this) {
                if (over) {
                    return;
                }
                long silent = client.time().nanoTime() - lastPieceNanos;
                long limit = patience.toNanos();
                if (!waitingForUpstream || silent < limit) {
                    watchForSilence(waitingForUpstream ? limit - silent : limit);
                    return;
                }
            }
            abort(tunnel == null ? ProxyException.stalled(patience) : ProxyException.cancelled());
        });
    }

    private synchronized void finish(Throwable failure) {
        if (over) {
            return;
        }
        over = true;
        if (timer != null) {
            timer.cancel(false);
        }
        answered();
        client.closed(this);
        if (tunnel != null) {
            tunnel.close();
        }
        client.memory().release(longHeadBytes);
        if (ahead != null) {
            ahead.close();
        }
        if (admitted) {
            client.admission().leave();
        } else if (waiting) {
            client.admission().withdraw(this);
        }
        if (failure == null) {
            try {
                sink.end();
            } catch (RuntimeException | Error e) {
                sink.fail(e); // nothing else ends it any more
                throw e;
            }
        } else {
            if (tunnel == null) {
                client.errors().failed(failure);
            }
            sink.fail(failure);
        }
    }

    private void answered() {
        if (!answered) {
            answered = true;
            client.answered();
        }
    }

    @Override
    public synchronized void piece(ByteBuffer bytes) {
        if (over) {
            return;
        }
        lastPieceNanos = client.time().nanoTime();
        missing -= bytes.remaining();
        unasked += bytes.remaining();
        if (tunnel != null) {
            tunnel.received(bytes.remaining());
        }
        if (missing == 0) {
            answered();
        }
        sink.chunk(bytes);
    }

    @Override
    public synchronized void sent(int bytes) {
        lastPieceNanos = client.time().nanoTime();
        if (tunnel != null) {
            tunnel.sent(bytes);
        }
    }

    @Override
    public void pause() {
        Wire goesOn = null;
        synchronized (this) {
            if (unasked < UNASKED_BYTES) {
                goesOn = wire;
            } else {
                unasked = 0;
                waitingForUpstream = false;
            }
        }
        if (goesOn != null) {
            goesOn.read();
        } else {
            sink.whenDrained(this::more);
        }
    }

    private void more() {
        Wire running;
        synchronized (this) {
            if (over) {
                return;
            }
            lastPieceNanos = client.time().nanoTime();
            waitingForUpstream = true;
            running = wire;
        }
        running.read();
    }

    @Override
    public void ended(Map<String, List<String>> trailers) {
        synchronized (this) {
            if (fields != null) {
                fields.trailers(trailers);
            }
        }
        finish(null);
    }

    @Override
    public void failed(Throwable why) {
        finish(why);
    }
}
