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
 * A fast path for hits, below Undertow in a connection. Between two requests it examines the incoming bytes. If they
 * are one whole request with a head that was served before ({@link KnownHead}), and its answer is stored, it writes the
 * answer, and Undertow never sees the request. Everything else goes on to Undertow unchanged.
 *
 * <p>Used on the connection's I/O thread only, except {@link #closed}. Long, since what it knows of a request is asked
 * for by those who serve it.
 */
public final class Shortcut extends AbstractStreamSourceConduit<StreamSourceConduit> {
    /** The longest head that a connection remembers. Requests with longer ones go through Undertow. */
    private static final long MAX_KNOWN =
            Math.min(16 * 1024, Runtime.getRuntime().maxMemory() / 16_384);

    private final StreamConnection connection;
    private final Shortcuts shared;
    private final HitWriter hits;

    /** Whether the next byte begins a request, and Undertow holds no earlier bytes. */
    private boolean between = true;
    /** When the last request was over. */
    private long idleNanos = System.nanoTime();
    /** Head of the request that Undertow has at the moment; null if it did not come in one piece. */
    private byte[] head;

    /** Null until a request was served whose head may come again. */
    private KnownHead known;
    /** Under which the head means what is known of it. */
    private Ruleset knownUnder;
    /** That stands in the head; null if none does. */
    private String knownRequestId;
    /** Of requests with that head; null unless there is an access log. */
    private Origin origin;
    /** Of requests with that head; null unless somebody records traces. */
    private RequestTrace.Head knownTrace;

    /** Of the request that Undertow has, if it was looked up here and there was no answer; else null. */
    private CacheKey missed;

    /** Whether the request that Undertow has is counted among those of its API key. */
    private boolean counted;

    private HttpServerConnection server;

    /** What the request that is coming, or is being served, takes of the memory budget. */
    private final HeadRoom.Held room;
    /** Whether Undertow has no request, or only a part of its head. */
    private boolean awaitsHead = true;
    /** Whether there is no room for the request. */
    private boolean crowded;

    /** Whether an answer is being written, and the next request has to wait. */
    private boolean writing;

    /** Whether the client has closed the connection, as a write has told. */
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

    /** The one of a request's connection. */
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

    /** A head that is not whole cannot be answered. */
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

    // ---- for the one who answers

    String knownRequestId() {
        return knownRequestId;
    }

    Origin origin() {
        return origin;
    }

    RequestTrace.Head knownTrace() {
        return knownTrace;
    }

    /** Writes of a piece of an answer what the client takes now. */
    void write(ByteBuffer piece) {
        try {
            while (!gone && piece.hasRemaining() && Pieces.write(connection.getSinkChannel(), piece) > 0) {
                // Once nearly always.
            }
        } catch (IOException e) {
            gone = true;
            IoUtils.safeClose(connection);
        }
    }

    /**
     * Makes sure that there is room for what the client does not take at once; cuts the client off if there is none.
     */
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
     * @param owned whether it is valid after the call, and all of its room {@linkplain #reserve reserved}
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

    /** Whether what was written has gone out: under TLS, a part of it may wait for the socket. */
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

    /** The connection is closed; on any thread. */
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

    /** Whether the memory budget has no room for the request that Undertow has. */
    public boolean isCrowded() {
        return crowded;
    }

    /** Whether the request that Undertow has is counted among those of its API key. */
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

    // ---- for the one who serves requests that went the long way

    /** Undertow has a request; to be called for each. */
    public void began(HttpServerExchange exchange) {
        between = false;
        awaitsHead = false;
        room.whole();
        exchange.addExchangeCompleteListener((completed, next) -> {
            if (completed.isUpgrade()) {
                // From now on the bytes are no requests, and none is examined. Undertow keeps the request until the
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
            // Undertow has read these bytes already and will not read them again.
            PooledByteBuffer ahead = ((HttpServerConnection) completed.getConnection()).getExtraBytes();
            between = ahead == null;
            if (ahead != null && !room.take(ahead.getBuffer().remaining(), false, true)) {
                IoUtils.safeClose(connection);
            }
            next.proceed();
        });
    }

    /**
     * The key of the request that Undertow has, if it was made when the request was looked up here in vain, under the
     * same rules; else null. The bytes are the same, and so is the key.
     */
    public CacheKey missedKey(Ruleset rules) {
        return rules == knownUnder ? missed : null;
    }

    /**
     * The request is one that the cache may answer, and whether it does depends on its body and the store alone.
     *
     * @param rules under which it is served
     * @param account which request it is
     * @param context what it has in common with others of this head
     * @param decision what it is to the cache
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
            // None but what the head says: nothing has been made or answered yet.
            knownRequestId = account.requestId();
            origin = account.origin();
            knownTrace = account.trace() == null ? null : account.trace().head();
            server = (HttpServerConnection) exchange.getConnection();
        }
    }
}
