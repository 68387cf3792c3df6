package dev.refrain.http.shortcut;

import dev.refrain.console.activity.Account;
import dev.refrain.console.activity.RequestTrace;
import dev.refrain.console.log.Origin;
import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.KeyContext;
import dev.refrain.http.server.ClientWatch;
import dev.refrain.http.server.ParserMemory;
import dev.refrain.http.server.Pieces;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.decision.Decision;
import dev.refrain.semantics.head.HeadRoom;
import dev.refrain.semantics.head.KnownHead;
import dev.refrain.semantics.ruleset.Ruleset;
import io.undertow.connector.PooledByteBuffer;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.protocol.http.HttpServerConnection;
import io.undertow.util.HeaderMap;
import io.undertow.util.Headers;
import io.undertow.util.Protocols;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.RejectedExecutionException;
import org.xnio.IoUtils;
import org.xnio.StreamConnection;
import org.xnio.conduits.AbstractStreamSourceConduit;
import org.xnio.conduits.StreamSourceConduit;

/**
 * A fast path for hits, which sits below Undertow in a connection. Between two requests it examines the incoming bytes.
 * If they are one whole request with a head that was served before ({@link KnownHead}), and its answer is stored, it
 * writes the answer, and Undertow never sees the request. Everything else goes on to Undertow unchanged.
 *
 * <p>Used on the connection's I/O thread only, except {@link #closed}. Long, since both the fast path and Undertow's
 * handlers use its state.
 */
public final class Shortcut extends AbstractStreamSourceConduit<StreamSourceConduit> {
    /** Longest head that a connection remembers, in bytes. Requests with longer heads go through Undertow. */
    private static final long MAX_KNOWN =
            Math.min(16 * 1024, Runtime.getRuntime().maxMemory() / 16_384);

    private final StreamConnection connection;
    private final Shortcuts shared;
    private final HitWriter hits;

    /** Whether the next byte begins a request, and Undertow holds no earlier bytes. */
    private boolean between = true;
    /** {@link System#nanoTime} at which the last request ended. */
    private long idleNanos = System.nanoTime();
    /** Head of the request that Undertow is handling; null if it did not arrive in one piece. */
    private byte[] head;

    /** The remembered head; null until a request has been served whose head can be remembered. */
    private KnownHead known;
    /** The ruleset under which the remembered head was understood. */
    private Ruleset knownUnder;
    /** Request id in the remembered head; null if it has none. */
    private String knownRequestId;
    /** Origin of requests with the remembered head; null unless there is an access log. */
    private Origin origin;
    /** Trace context of requests with the remembered head; null unless traces are recorded. */
    private RequestTrace.Head knownTrace;

    /** Key of the request that Undertow is handling, if it was looked up here without a hit; else null. */
    private CacheKey missed;

    /** Whether the request that Undertow is handling has been counted against its API key's rate. */
    private boolean counted;

    private HttpServerConnection server;

    /** Memory reserved for the request that is arriving or being served. */
    private final HeadRoom.Held room;
    /** Whether Undertow has no request yet, or only a part of its head. */
    private boolean awaitsHead = true;
    /** Whether the memory budget has no room for the request. */
    private boolean crowded;

    /** Whether an answer is still being written, so that the next request has to wait. */
    private boolean writing;

    /** Whether a failed write has shown that the client has gone. */
    private boolean gone;

    private boolean resumed;
    /** Whether the client has taken a whole answer. */
    private boolean served;
    /** True while shutdown must wait for this answer. */
    private boolean inside;

    Shortcut(StreamConnection connection, Shortcuts shared, HitWriter hits, HeadRoom heads) {
        super(connection.getSourceChannel().getConduit());
        this.connection = connection;
        this.shared = shared;
        this.hits = hits;
        this.room = heads.open(() -> IoUtils.safeClose(connection));
    }

    /** The shortcut of a request's connection. */
    public static Shortcut of(HttpServerExchange exchange) {
        return (Shortcut) ((HttpServerConnection) exchange.getConnection()).getOriginalSourceConduit();
    }

    @Override
    public int read(ByteBuffer target) throws IOException {
        if (!between) {
            int more = super.read(target);
            if (more > 0 && awaitsHead && !room.take(more, false, served)) {
                return refuse();
            }
            return more;
        }
        if (writing) {
            return 0;
        }
        int start = target.position();
        int count = super.read(target);
        if (count <= 0) {
            return count;
        }
        byte[] request = hits.bytes(target, start, count);
        if (known != null && knownUnder == shared.ruleset()) {
            int body = known.match(request, count, hits.mac());
            int length = body < 0 ? -1 : known.lengthOf(request);
            if (count == body && length <= target.limit() - start) {
                // Many clients send head and body one after the other.
                int more = super.read(target);
                if (more > 0) {
                    count += more;
                    request = hits.bytes(target, start, count);
                }
            }
            if (count == length && length - body <= shared.maxBody() && answer(request, body, length)) {
                hits.wipe(body);
                target.position(start);
                return 0;
            }
        }
        between = false;
        int body = KnownHead.bodyOf(request, count);
        head = body < 0 ? null : Arrays.copyOf(request, body);
        hits.wipe(body < 0 ? count : body);
        crowded = !room.take(count, body >= 0, served);
        if (crowded && body < 0) {
            return refuse();
        }
        return count;
    }

    /** Closes the connection: an incomplete head cannot be answered. */
    private int refuse() {
        IoUtils.safeClose(connection);
        return -1;
    }

    private boolean answer(byte[] request, int body, int length) {
        inside = shared.enter();
        if (!inside) {
            return false;
        }
        try {
            counted = known.caller().countRequest() == 0;
            boolean answered = counted && hits.answer(this, known, request, body, length);
            missed = answered || !counted ? null : hits.key();
            counted &= !answered;
            return answered;
        } finally {
            if (!writing) {
                leave();
            }
        }
    }

    private void leave() {
        if (inside) {
            inside = false;
            shared.left();
        }
    }

    @Override
    public void resumeReads() {
        resumed = true;
        if (!writing) {
            super.resumeReads();
        }
    }

    @Override
    public void suspendReads() {
        resumed = false;
        super.suspendReads();
    }

    // ---- called by HitWriter

    String knownRequestId() {
        return knownRequestId;
    }

    Origin origin() {
        return origin;
    }

    RequestTrace.Head knownTrace() {
        return knownTrace;
    }

    /** Writes as much of a piece as the client takes now. */
    void write(ByteBuffer piece) {
        try {
            while (!gone && piece.hasRemaining() && Pieces.write(connection.getSinkChannel(), piece) > 0) {
                // One write nearly always suffices.
            }
        } catch (IOException e) {
            gone = true;
            IoUtils.safeClose(connection);
        }
    }

    /** Reserves memory for bytes that the client does not take at once. Cuts the client off if there is no room. */
    boolean reserve(int bytes) {
        if (!gone && !shared.limits().memory().reserve(bytes)) {
            gone = true;
            IoUtils.safeClose(connection);
        }
        return !gone;
    }

    /**
     * Writes the last piece, at once or as the client takes it.
     *
     * @param owned whether the piece stays valid after the call and its capacity is {@linkplain #reserve reserved}
     * @param length of the answer's body
     */
    void end(ByteBuffer piece, boolean owned, int length, Account account) {
        write(piece);
        if (!gone && (piece.hasRemaining() || !isOut())) {
            finish(piece, owned, length, account);
            return;
        }
        if (owned) {
            shared.limits().memory().release(piece.capacity());
        }
        if (gone) {
            account.served(true);
        } else {
            over(length, account);
        }
    }

    /** Whether the written bytes have reached the socket; under TLS, some may still wait for it. */
    private boolean isOut() {
        try {
            return connection.getSinkChannel().flush();
        } catch (IOException e) {
            gone = true;
            IoUtils.safeClose(connection);
            return true;
        }
    }

    private void over(int length, Account account) {
        served = true;
        account.wrote(length);
        account.served(false);
        idleNanos = System.nanoTime();
    }

    private void finish(ByteBuffer rest, boolean owned, int length, Account account) {
        writing = true;
        super.suspendReads();
        PendingWrite.write(connection, server, rest, owned, shared.limits(), broken -> {
            writing = false;
            if (broken) {
                account.served(true);
            } else {
                over(length, account);
                if (resumed) {
                    super.resumeReads();
                }
            }
            leave();
        });
    }

    /** The connection has been closed; on any thread. */
    public void closed() {
        if (Thread.currentThread() == connection.getIoThread()) {
            room.close();
            return;
        }
        try {
            connection.getIoThread().execute(room::close);
        } catch (RejectedExecutionException stopping) {
            room.close();
        }
    }

    /** Whether the memory budget has no room for the request that Undertow is handling. */
    public boolean isCrowded() {
        return crowded;
    }

    /** Whether the request that Undertow is handling has been counted against its API key's rate. */
    public boolean hasCounted() {
        return counted;
    }

    /** Whether the client has taken a whole answer over this connection. */
    public boolean hasServed() {
        return served;
    }

    /** Returns whether the connection is closed. */
    boolean closeIfIdleSince(long nanos) {
        if (between && !writing && idleNanos - nanos < 0) {
            IoUtils.safeClose(connection);
        }
        return !connection.isOpen();
    }

    // ---- called by the handlers of requests that go through Undertow

    /** Undertow begins to handle a request. Must be called for each. */
    public void began(HttpServerExchange exchange) {
        between = false;
        awaitsHead = false;
        room.whole();
        exchange.addExchangeCompleteListener((completed, next) -> {
            if (completed.isUpgrade()) {
                // From here on the bytes are not requests and are not examined. Undertow keeps the request until the
                // connection is closed, so its memory stays reserved until then.
                head = null;
                ClientWatch.forget(completed.getConnection());
                ParserMemory.wipe(completed.getConnection());
                next.proceed();
                return;
            }
            room.release();
            awaitsHead = true;
            crowded = false;
            head = null;
            missed = null;
            counted = false;
            served = true;
            ClientWatch.forget(completed.getConnection());
            ParserMemory.wipe(completed.getConnection());
            idleNanos = System.nanoTime();
            // Undertow has already read these bytes of the next request, and will not read them again.
            PooledByteBuffer ahead = ((HttpServerConnection) completed.getConnection()).getExtraBytes();
            between = ahead == null;
            if (ahead != null && !room.take(ahead.getBuffer().remaining(), false, true)) {
                IoUtils.safeClose(connection);
            }
            next.proceed();
        });
    }

    /**
     * The key of the request that Undertow is handling, if it was looked up here under the same rules without a hit;
     * else null. The body's bytes are the same, and so is the key.
     */
    public CacheKey missedKey(Ruleset rules) {
        return rules == knownUnder ? missed : null;
    }

    /**
     * Remembers the head of a request for which only the body and the store decide whether it is a hit.
     *
     * @param rules the ruleset under which the request is served
     * @param account the request's account
     * @param context the part of the key that all requests with this head share
     * @param decision the decision about the request
     */
    public void learn(
            HttpServerExchange exchange,
            Ruleset rules,
            Account account,
            KeyContext context,
            Caller caller,
            Decision decision) {
        CacheControls controls = decision.controls();
        byte[] bytes = head;
        head = null;
        if (bytes == null
                || bytes.length > MAX_KNOWN
                || !controls.enabled()
                || controls.clear()
                || controls.directives().noCache()
                || !exchange.isPersistent()
                || !exchange.getProtocol().equals(Protocols.HTTP_1_1)) {
            return;
        }
        HeaderMap headers = exchange.getRequestHeaders();
        if (!headers.contains(Headers.TRANSFER_ENCODING) && !headers.contains(Headers.EXPECT)) {
            known = KnownHead.of(
                    bytes,
                    exchange.getRequestContentLength(),
                    shared.credentials(),
                    hits.mac(),
                    context,
                    caller,
                    controls.directives(),
                    decision.policyName());
            knownUnder = rules;
            // The id is the one in the head, if any: none has been made yet.
            knownRequestId = account.requestId();
            origin = account.origin();
            knownTrace = account.trace() == null ? null : account.trace().head();
            server = (HttpServerConnection) exchange.getConnection();
        }
    }
}
