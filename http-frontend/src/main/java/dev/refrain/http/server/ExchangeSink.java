package dev.refrain.http.server;

import dev.refrain.console.activity.Account;
import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.http2.Http2Listener;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.forward.AnswerFields;
import dev.refrain.semantics.forward.RequestBody;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.protocol.http.HttpServerConnection;
import io.undertow.util.Protocols;
import io.undertow.util.StatusCodes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xnio.IoUtils;
import org.xnio.Options;
import org.xnio.XnioExecutor;
import org.xnio.conduits.ConduitStreamSinkChannel;

/**
 * The client's end of a response: writes an answer to an Undertow exchange without ever blocking.
 *
 * <p>Writing happens on the exchange's I/O thread. Calls from that thread, as on every hit, act at once; calls from
 * other threads go through a mailbox that keeps their order. There is one exception: the thread that fetches an answer
 * writes it itself, while the mailbox is empty and the I/O thread has finished its part of the request.
 *
 * <p>Bytes that the socket does not take wait in a backlog; {@link #whenDrained} fires when that is empty. A client
 * that takes nothing for too long is cut off. After the client has left, all calls are ignored, so that a capture can
 * go on; {@link #whenGone} is for sources that stop.
 *
 * <p>Long, since all that can end an exchange meets here: the answer, its client, a timer, the tunnel, a fault.
 */
public final class ExchangeSink implements ResponseSink {
    private static final Logger LOG = LoggerFactory.getLogger(ExchangeSink.class);

    /** Marks the end of an answer in the mailbox. */
    private static final Object END = new Object();

    /** Stands in the mailbox for a piece that is written but still has to be flushed. */
    private static final Object FLUSH = new Object();

    /** Reports through the mailbox that the client has left. */
    private static final Object GONE = new Object();

    /** Stands in the mailbox for a piece that the memory budget had no room for. */
    private static final Object NO_ROOM = new Object();

    /**
     * How long to read the rest of a request after its answer. Most clients read the answer only after they have sent
     * everything, and would lose it if the connection were closed with bytes unread.
     */
    private static final Duration LINGER = Duration.ofSeconds(30);
    /** {@link #LINGER} while memory is tight: the request's head is held for that time. */
    private static final Duration SHORT_LINGER = Duration.ofSeconds(1);

    /** Size of an answer's head up to which no memory is reserved for it, just as none is for an exchange. */
    private static final long SHORT_HEAD_BYTES = 16 * 1024;

    private final HttpServerExchange exchange;
    /** Null for a path that is no endpoint. */
    private final Account account;

    private final AnswerStart start;

    private final ClientLimits limits;
    private final Mailbox mailbox;

    // Used on the I/O thread only.
    private final AnswerBody body;
    /**
     * Watches whether the client closes its side, after which the call goes on; null if nothing is watched for that.
     */
    private ClientWatch notice;
    /** Watches whether the client closes its side, after which the call ends; null if nothing is watched for that. */
    private ClientWatch watch;

    /** Null unless the request is for a websocket. */
    private ClientTunnel tunnel;
    /** Whether the tunnel has taken over the connection. */
    private boolean tunnelled;
    /** Null until the first interim answer. */
    private InterimAnswers interims;

    /** Bytes reserved for a long head, until the answer is over. */
    private long headBytes;

    private boolean ended;
    /** Whether the answer has failed. The connection is cut after the pending pieces. */
    private boolean failed;

    private boolean over;
    private Runnable drained;

    /** Whether the thread that fetches the answer may write it, too. */
    private volatile boolean fetches;
    /** Whether the I/O thread has done all that it does for the request before the answer begins. */
    private volatile boolean settled;

    /** Whether another thread has begun the answer, so that the client may have it already. */
    private volatile boolean answered;

    /** Whether the last piece is written, so that the client may have the whole answer before {@link #end}. */
    private volatile boolean delivered;

    /**
     * A head that waits, to be sent with the first piece of its body; null if none waits. Used by the calling thread.
     */
    private ResponseHead held;

    /** Bytes of the answer that other threads have delivered. Used by the calling thread. */
    private long passed;

    private volatile boolean gone;
    /** Whether the client has closed its side: it has left, or it has only finished sending and still reads. */
    private volatile boolean closedItsSide;

    private volatile Runnable goneListener;

    public ExchangeSink(HttpServerExchange exchange, Account account, ClientLimits limits) {
        this.exchange = exchange;
        this.account = account;
        this.start = new AnswerStart(exchange, account);
        this.limits = limits;
        this.body = new AnswerBody(exchange, account, limits, new BodyOwner());
        this.mailbox = new Mailbox(exchange.getIoThread(), this::accept);
        ClientWatch.onClose(exchange.getConnection(), () -> mailbox.post(GONE));
    }

    /** See {@link AnswerStart#expect}. */
    public void expect(CacheControls controls, BypassReason bypass, CacheKey requestKey) {
        start.expect(controls, bypass, requestKey);
    }

    /**
     * Notes that the answer is fetched for this client, so the thread that reads it may also write it, as far as that
     * needs no waiting. To followers, which wait for another client's call, the I/O threads write; else one thread
     * might have to write to a thousand of them. Over TLS and HTTP/2 the I/O threads write as well, because there both
     * directions, or several streams, share one state.
     */
    public void fetches() {
        HttpServerConnection connection = (HttpServerConnection) exchange.getConnection();
        fetches = connection.getSslSessionInfo() == null && !Http2Listener.isStream(connection.getChannel());
    }

    /** See {@link AnswerStart#shape}. */
    public void shape(Endpoint ofErrors) {
        start.shape(ofErrors);
    }

    /**
     * Counts the client as gone as soon as it closes its side of the connection. To be used for an answer that nobody
     * else gets and that is still awaited. Must be called on the I/O thread, after the request has been read to its
     * end, as the last step of the I/O thread before the answer.
     */
    public void leaveWithClient() {
        if (!over && !ended) {
            watch = ClientWatch.start(exchange, () -> {
                // A complete answer is delivered: the client may still read, or may have it already.
                if (!ended && !delivered) {
                    mailbox.post(GONE);
                }
            });
        }
        settled = true;
    }

    /** The client's bytes after an answer of {@code 101}. Must be called on the I/O thread. */
    public RequestBody tunnel() {
        tunnel = new ClientTunnel(exchange);
        return tunnel;
    }

    /** Sends an interim answer to this client; from any thread. */
    public void interim(ResponseHead head) {
        mailbox.deliver(new Interim(head));
    }

    /**
     * Notices when the client closes its side of the connection, but lets the call go on, because the answer is worth
     * storing. Same preconditions as {@link #leaveWithClient}.
     */
    public void noticeLeaving() {
        if (!over && !ended) {
            notice = ClientWatch.start(exchange, () -> answered, () -> {
                notice = null;
                closedItsSide = true;
            });
        }
        settled = true;
    }

    @Override
    public boolean hasReader() {
        return !gone && !closedItsSide;
    }

    /** Runs the action on the I/O thread. */
    @Override
    public void whenDrained(Runnable action) {
        passHead();
        mailbox.deliver(new Drained(action));
    }

    @Override
    public void whenGone(Runnable action) {
        goneListener = action;
        if (gone) {
            action.run();
        }
    }

    @Override
    public void head(ResponseHead head) {
        if (isOfUse(head)) {
            mailbox.deliver(head);
        } else {
            held = head;
            if (mailbox.actsNow()) {
                passHead();
            }
        }
    }

    private void passHead() {
        ResponseHead head = held;
        if (head != null) {
            held = null;
            mailbox.deliverWithNext(head);
        }
    }

    /** Whether the head helps a client before the body comes: only that of a stream, whose length is not known. */
    private static boolean isOfUse(ResponseHead head) {
        return head.contentLength() < 0;
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        if (mailbox.actsNow()) {
            passHead();
            onChunk(bytes, false);
            return;
        }
        passed += bytes.remaining();
        if (fetches && mailbox.claim()) {
            writeInPlace(bytes);
        }
        passHead();
        if (bytes.hasRemaining() && !gone) {
            // Short answers may use a part of the budget that long ones may not.
            MemoryBudget.Use use =
                    passed <= MemoryBudget.SMALL ? MemoryBudget.Use.UNDER_WAY : MemoryBudget.Use.LONG_ANSWER;
            mailbox.deliver(limits.memory().reserve(bytes.remaining(), use) ? Backlog.copy(bytes) : NO_ROOM);
        }
    }

    /** Writes in place of the I/O thread, so that it need not be woken. Bytes that are not taken stay in the buffer. */
    private void writeInPlace(ByteBuffer bytes) {
        try {
            if (!over && !body.hasWaited() && tunnel == null && (held == null || beginInPlace()) && body.isOpen()) {
                delivered = passed == exchange.getResponseContentLength();
                if (!body.send(bytes)) {
                    mailbox.deliver(FLUSH);
                }
            }
        } catch (IOException | RuntimeException | Error e) {
            LOG.debug("A piece of an answer could not be written to the client", e);
            mailbox.post(GONE);
        } finally {
            mailbox.giveBack();
        }
    }

    /**
     * Begins the answer in place of the I/O thread. Returns false if that thread may still be busy with the request, or
     * if memory must be reserved for the head.
     */
    private boolean beginInPlace() {
        boolean mayBegin = settled && lengthOf(held) <= 0;
        if (mayBegin) {
            answered = true;
            start.of(held);
            held = null;
            body.open();
        }
        return mayBegin;
    }

    @Override
    public void end() {
        passHead();
        mailbox.deliver(END);
    }

    @Override
    public void fail(Throwable cause) {
        passHead();
        mailbox.deliver(cause);
    }

    private record Drained(Runnable action) {}

    private record Interim(ResponseHead head) {}

    // ---- on the I/O thread

    @SuppressWarnings("CatchingUnchecked") // a failure while answering ends this exchange and nothing else
    private void accept(Object message) {
        try {
            if (message instanceof ByteBuffer bytes) {
                body.addReserved(bytes);
            } else if (message == NO_ROOM) {
                noRoom();
            } else if (message instanceof ResponseHead head) {
                onHead(head);
            } else if (message == END) {
                onEnd();
            } else if (message instanceof Drained waiting) {
                onWhenDrained(waiting.action());
            } else if (message instanceof Interim interim) {
                onInterim(interim.head());
            } else if (message == GONE) {
                clientGone();
            } else if (message == FLUSH) {
                flushLater();
            } else {
                onFail((Throwable) message);
            }
        } catch (RuntimeException | Error e) {
            LOG.warn("A response could not be written: {}", account == null ? "forwarded" : account.requestId(), e);
            cut();
        }
    }

    private void onHead(ResponseHead head) {
        if (over) {
            return;
        }
        if (!reserve(head)) {
            onFail(ProxyException.noRoom());
            return;
        }
        start.of(head);
        if (tunnel != null && head.status() == StatusCodes.SWITCHING_PROTOCOLS) {
            openTunnel();
            return;
        }
        body.open();
        if (notice != null && head.contentLength() >= 0) {
            // The client knows the last byte by the length, and may send its next request before the end arrives here.
            notice.stop();
            notice = null;
        }
        if (isOfUse(head) && !CacheOutcome.isWhole(head.cache())) {
            // Any other head is sent with the first piece of its body.
            body.flush();
        }
    }

    /**
     * Reserves memory for a long head, which a client that takes nothing can keep alive long after the call is over.
     */
    private boolean reserve(ResponseHead head) {
        long bytes = lengthOf(head);
        if (bytes > 0 && limits.memory().reserve(bytes)) {
            headBytes = bytes;
        }
        return bytes <= 0 || headBytes > 0;
    }

    /** Bytes to reserve for a head; not positive if it is short. */
    private static long lengthOf(ResponseHead head) {
        return head.fields() instanceof AnswerFields fields ? fields.heldBytes() - SHORT_HEAD_BYTES : 0;
    }

    private void openTunnel() {
        if (watch != null) {
            watch.stop();
        }
        tunnelled = true;
        tunnel.open(
                sink -> {
                    body.open(sink);
                    if (body.isEmpty() && ended) {
                        finish();
                    }
                },
                this::clientGone);
    }

    private void onInterim(ResponseHead head) {
        if (!over && !body.isOpen() && !tunnelled) {
            interims = interims == null ? new InterimAnswers(exchange) : interims;
            interims.send(head);
        }
    }

    private void onChunk(ByteBuffer bytes, boolean owned) {
        if (!over && bytes.hasRemaining() && !body.add(bytes, owned)) {
            noRoom();
        }
    }

    private void noRoom() {
        LOG.debug("A client was cut: the memory for answers that clients have yet to read is used up");
        clientGone();
    }

    private void onEnd() {
        ended = true;
        if (!over && body.isEmpty() && body.isOpen()) {
            finish();
        }
    }

    private void onFail(Throwable cause) {
        if (over) {
            return;
        }
        if (body.isOpen()) {
            LOG.debug("An answer was cut", cause);
            failed = true;
            if (body.isEmpty() && body.flush()) {
                breakOff();
            }
            return;
        }
        if (tunnelled) {
            cut();
            return;
        }
        ProxyException failure = ProxyException.of(cause);
        if (failure.status() == StatusCodes.SERVICE_UNAVAILABLE) {
            limits.slowClients().makeRoom();
        }
        LOG.debug("Answering {}", failure.status(), cause);
        byte[] error = start.of(failure);
        body.open();
        onChunk(ByteBuffer.wrap(error), true);
        onEnd();
    }

    private void onWhenDrained(Runnable action) {
        if (over || body.isEmpty()) {
            action.run();
        } else {
            drained = action;
        }
    }

    private void flushLater() {
        if (!over && body.isEmpty()) {
            body.flush();
        }
    }

    private final class BodyOwner implements AnswerBody.Owner {
        @Override
        public boolean isOver() {
            return over;
        }

        @Override
        public void emptied() {
            signalDrained();
            if (failed) {
                breakOff();
            } else if (ended) {
                finish();
            }
        }

        @Override
        public void clientGone() {
            ExchangeSink.this.clientGone();
        }
    }

    private void finish() {
        over = true;
        body.stop();
        served(false);
        if (tunnelled) {
            endTunnel();
            return;
        }
        start.ended();
        exchange.endExchange();
        if (!exchange.isComplete() && exchange.getConnection().isOpen()) {
            closeUnlessComplete();
        }
        signalDrained();
    }

    private void endTunnel() {
        try {
            tunnel.answered((ConduitStreamSinkChannel) body.channel());
        } catch (IOException e) {
            IoUtils.safeClose(exchange.getConnection());
        }
        signalDrained();
    }

    /**
     * Closes the connection if Undertow does not finish in time. Without this, Undertow reads the rest of the request
     * and writes the last of the answer without a time limit.
     */
    private void closeUnlessComplete() {
        Duration linger = limits.memory().isTight() ? SHORT_LINGER : LINGER;
        Duration limit = exchange.isRequestComplete() ? limits.timeout() : linger;
        XnioExecutor.Key timeout =
                exchange.getIoThread().executeAfter(this::cut, limit.toNanos(), TimeUnit.NANOSECONDS);
        exchange.addExchangeCompleteListener((completed, next) -> {
            timeout.remove();
            next.proceed();
        });
    }

    /**
     * Ends the connection without ending the message, so that the client sees that the answer is incomplete. An orderly
     * close keeps the bytes that are still on their way. For an HTTP/1.0 client, an orderly close is the end of the
     * message, so it gets a reset.
     */
    private void breakOff() {
        if (exchange.getProtocol().equals(Protocols.HTTP_1_1)) {
            close();
        } else {
            cut();
        }
    }

    /** Ends the connection at once. Bytes on their way are lost. */
    private void cut() {
        if (body.isOpen()) {
            try {
                exchange.getConnection().setOption(Options.CLOSE_ABORT, true);
            } catch (IOException e) {
                LOG.debug("The connection is closed without a reset", e);
            }
        }
        close();
    }

    private void close() {
        over = true;
        body.stop();
        IoUtils.safeClose(exchange.getConnection());
        served(true);
        signalDrained();
    }

    private void served(boolean broken) {
        limits.memory().release(headBytes);
        headBytes = 0;
        if (account != null) {
            account.served(broken);
        }
    }

    private void signalDrained() {
        Runnable action = drained;
        if (action != null) {
            drained = null;
            action.run();
        }
    }

    /** The client has left: the connection was closed, or a write failed. */
    private void clientGone() {
        if (over) {
            return;
        }
        gone = true;
        cut();
        Runnable listener = goneListener;
        if (listener != null) {
            listener.run();
        }
    }
}
