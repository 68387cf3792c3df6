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
 * other threads go through a mailbox that keeps their order. The thread that fetches an answer writes it itself while
 * the mailbox is empty and the I/O thread has done with the request. What the socket does not take waits in a backlog.
 * When it is empty, {@link #whenDrained} fires. A client that takes nothing for too long is cut off. After the client
 * has gone, everything is ignored, so that a capture can go on; {@link #whenGone} is for sources that stop.
 *
 * <p>Long, since whatever can end an exchange meets here: the answer, its client, a timer, the tunnel, a fault.
 */
public final class ExchangeSink implements ResponseSink {
    private static final Logger LOG = LoggerFactory.getLogger(ExchangeSink.class);

    /** Marks the end of an answer in the mailbox. */
    private static final Object END = new Object();

    /** Stands in the mailbox for a piece whose last bytes still have to go out. */
    private static final Object FLUSH = new Object();

    /** Stands in the mailbox for the client's going away. */
    private static final Object GONE = new Object();

    /** Stands in the mailbox for a piece that the memory budget had no room for. */
    private static final Object NO_ROOM = new Object();

    /**
     * How long to read on after the answer. Most clients read the answer only after they have sent everything, and
     * would lose it if the connection were closed with bytes unread.
     */
    private static final Duration LINGER = Duration.ofSeconds(30);
    /** The same while memory is tight: until then the request's head is held. */
    private static final Duration SHORT_LINGER = Duration.ofSeconds(1);

    /** Memory of an answer's head that is not counted, as a connection and an exchange are not. */
    private static final long SHORT_HEAD_BYTES = 16 * 1024;

    private final HttpServerExchange exchange;
    /** Null for a path that is no endpoint. */
    private final Account account;

    private final AnswerStart start;

    private final ClientLimits limits;
    private final Mailbox mailbox;

    // The I/O thread's alone.
    private final AnswerBody body;
    /** Null while nobody looks whether the client closes its side, and the call goes on if it does. */
    private ClientWatch notice;
    /** Null while nobody looks whether the client closes its side, and the call ends if it does. */
    private ClientWatch watch;

    /** Null unless the request is for a websocket. */
    private ClientTunnel tunnel;
    /** Whether the connection is the tunnel's. */
    private boolean tunnelled;
    /** Null until there is one. */
    private InterimAnswers interims;

    /** Reserved for a long head, until the answer is over. */
    private long headBytes;

    private boolean ended;
    /** Whether the answer failed: the pending pieces are the last, and the answer is cut after them. */
    private boolean failed;

    private boolean over;
    private Runnable drained;

    /** Whether the thread that fetches the answer may write it, too. */
    private volatile boolean fetches;
    /** Whether the I/O thread has done for the request what it does before the answer. */
    private volatile boolean settled;

    /** Whether the answer has begun in the I/O thread's place, and may be with its client. */
    private volatile boolean answered;

    /** Whether the last piece has come, and may be with the client before its end has. */
    private volatile boolean delivered;

    /** A head that waits for the first piece of its body, to go out with it; null for none. The caller's. */
    private ResponseHead held;

    /** Bytes of the answer that came from other threads; the caller's. */
    private long passed;

    private volatile boolean gone;
    /** The client has closed its side: it has gone, or has only finished sending and goes on reading. */
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
     * The answer is fetched for this client: the thread that reads it writes it too, where that needs no waiting.
     * Followers have their I/O threads write, or one thread would write to a thousand of them. So have clients with
     * TLS, whose connection has one state for both directions, and with HTTP/2, whose connection has one for all.
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
     * Counts the client as gone as soon as it closes its side of the connection. For an answer that nobody else gets
     * and that is still being waited for; to be called on the I/O thread, with the request read to its end, and as the
     * last that it does for the request.
     */
    public void leaveWithClient() {
        if (!over && !ended) {
            watch = ClientWatch.start(exchange, () -> {
                // A complete answer is delivered: the client may have closed one side only, or have all of it.
                if (!ended && !delivered) {
                    mailbox.post(GONE);
                }
            });
        }
        settled = true;
    }

    /** What the client sends once the answer is {@code 101}; to be asked for on the I/O thread. */
    public RequestBody tunnel() {
        tunnel = new ClientTunnel(exchange);
        return tunnel;
    }

    /** An interim answer, for this client alone; from any thread. */
    public void interim(ResponseHead head) {
        mailbox.deliver(new Interim(head));
    }

    /**
     * Notices that the client closes its side of the connection, and goes on: for an answer that is worth fetching
     * without it. To be called as {@link #leaveWithClient} is.
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

    /**
     * Whether the head is of use to a client before the body comes. A length alone is not.
     */
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
            // Short answers find room where long ones find none any more.
            MemoryBudget.Use use =
                    passed <= MemoryBudget.SMALL ? MemoryBudget.Use.UNDER_WAY : MemoryBudget.Use.LONG_ANSWER;
            mailbox.deliver(limits.memory().reserve(bytes.remaining(), use) ? Backlog.copy(bytes) : NO_ROOM);
        }
    }

    /** In the I/O thread's place, which need not be woken then. What the socket does not take stays in the buffer. */
    private void writeInPlace(ByteBuffer bytes) {
        try {
            if (!over && !body.hasWaited() && tunnel == null && (held == null || beginInPlace()) && body.isOpen()) {
                delivered = passed == exchange.getResponseContentLength();
                if (!body.send(bytes)) {
                    mailbox.deliver(FLUSH);
                }
            }
        } catch (IOException | RuntimeException | Error e) {
            LOG.debug("A piece could not be written", e);
            mailbox.post(GONE);
        } finally {
            mailbox.giveBack();
        }
    }

    /** Not while the I/O thread may still be at work with the request, and not with a head that needs memory first. */
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

    @SuppressWarnings("CatchingUnchecked") // whatever goes wrong while answering ends this exchange and nothing else
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
            // A client recognises the last byte, and may send its next request before the end arrives here.
            notice.stop();
            notice = null;
        }
        if (isOfUse(head) && !CacheOutcome.isWhole(head.cache())) {
            // Any other head goes out with the first piece of its body.
            body.flush();
        }
    }

    /** A client that takes nothing holds the head, however long its call is over. */
    private boolean reserve(ResponseHead head) {
        long bytes = lengthOf(head);
        if (bytes > 0 && limits.memory().reserve(bytes)) {
            headBytes = bytes;
        }
        return bytes <= 0 || headBytes > 0;
    }

    /** What is to be reserved for a head; not positive if it is short. */
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
        LOG.debug("Too much is held for clients that do not take it");
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
     * The rest is Undertow's, without a limit: reading what is left of the request, and writing the last of the answer.
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
     * Ends the connection without ending the message, so that the client sees that the answer is not complete. In good
     * order, so that what came before is not lost on its way; to an HTTP/1.0 client by a reset, since an orderly close
     * is the end of the message to it.
     */
    private void breakOff() {
        if (exchange.getProtocol().equals(Protocols.HTTP_1_1)) {
            close();
        } else {
            cut();
        }
    }

    /** Ends the connection at once, whatever is on its way. */
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

    /** Because of the connection's close listener, or a failed write. */
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
