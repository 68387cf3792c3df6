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
 * <p>After some pieces, more are requested only when all have been taken ({@link ResponseSink#whenDrained}). So a slow
 * client slows the provider down instead of filling memory. A call is repeated only if its request could not be
 * written, or the provider has refused it unprocessed: then the provider cannot have acted on it (RFC 9110, 9.2.2).
 * Timers may end the call while the event loop delivers, so deliveries hold this object's monitor. They never block,
 * since the sink does not. Thread-safe.
 */
public final class UpstreamCall implements Upstream, Upstream.Call, Admission.Applicant, Exchange {
    /**
     * A call is repeated at most this often. A provider that shuts down may refuse it on one connection after another.
     */
    private static final int MOST_REPEATS = 3;

    /**
     * Bytes of an answer that are passed on before the call waits until they have been taken. Each wait wakes the
     * client's thread and the event loop, which would cost more than it gains for short events.
     */
    private static final int UNDRAINED_BYTES = 8 * 1024;

    private final UpstreamClient client;
    private final UpstreamRequest request;
    /** Whether the client has taken an answer before. */
    private final boolean clientKnown;

    private final Consumer<ResponseHead> interims;

    private ResponseSink sink;
    /** Null while there is no connection. */
    private Wire wire;

    /** How often the call was repeated after {@link #unsent}. */
    private int repeats;

    /** Null until the answer begins. */
    private AnswerFields fields;

    private Future<?> timer;
    private long lastPieceNanos;
    private boolean waitingForUpstream;
    /** Bytes passed on since the call last waited until they were taken. */
    private int sinceDrained;

    /** Longest wait for a piece. */
    private Duration silenceLimit;
    /** Null unless the call has become a websocket. */
    private Tunnels.Tunnel tunnel;
    /** Bytes reserved for a long head, beyond those reserved for every call. */
    private long longHeadBytes;
    /** Memory for bytes ahead of the client, beyond that reserved for every call; null if none is needed. */
    private MemoryBudget.Reservation ahead;

    /** Bytes of the body that have not arrived; negative if unknown. */
    private long missing = -1;

    private boolean answered;
    private boolean admitted;
    private boolean waiting;
    /** Changed with the monitor held. */
    private volatile boolean over;

    /**
     * A call that has not begun.
     *
     * @param clientKnown whether the client has taken an answer over the same connection before
     * @param interims receives each interim answer (status 1xx), on any thread
     */
    public UpstreamCall(
            UpstreamClient client, UpstreamRequest request, boolean clientKnown, Consumer<ResponseHead> interims) {
        this.client = client;
        this.request = request;
        this.clientKnown = clientKnown;
        this.interims = interims;
        this.silenceLimit = client.options().timeouts().idle();
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
            finish(e); // an exception would be lost on this thread
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
     * Asks for a connection. Without the monitor, because the connection's thread needs it at once, and often runs
     * before this thread goes on. If the call has ended meanwhile, {@link #begins} says so.
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

    /** Ends the call from this side. Fails the sink with the given cause, unless the call is over. */
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
        // Long heads are rare, and must leave room for calls.
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
            // A wider window only makes an answer faster, so other uses of memory have precedence.
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
                silenceLimit = client.options().timeouts().tunnelIdle();
            }
            fields = (AnswerFields) answer.fields();
            lastPieceNanos = client.time().nanoTime();
            waitingForUpstream = true;
            // The timer is set first, because the sink may cancel the call at once, which must also cancel the timer.
            watchForSilence(silenceLimit.toNanos());
            sink.head(answer);
        }
    }

    /**
     * Checks for silence at intervals, instead of setting a timer again for every piece: pieces are frequent, and
     * silence is rare.
     */
    private void watchForSilence(long nanos) {
        timer = client.time().after(nanos, () -> {
            synchronized (this) {
                if (over) {
                    return;
                }
                long silent = client.time().nanoTime() - lastPieceNanos;
                long limit = silenceLimit.toNanos();
                if (!waitingForUpstream || silent < limit) {
                    watchForSilence(waitingForUpstream ? limit - silent : limit);
                    return;
                }
            }
            abort(tunnel == null ? ProxyException.stalled(silenceLimit) : ProxyException.cancelled());
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
                sink.fail(e); // nothing else would end the sink
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
        sinceDrained += bytes.remaining();
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
            if (sinceDrained < UNDRAINED_BYTES) {
                goesOn = wire;
            } else {
                sinceDrained = 0;
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
