package dev.refrain.http.upstream;

import dev.refrain.semantics.answer.ProxyException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;

/**
 * A call over a connection of HTTP/2: a stream (RFC 9113, 5).
 *
 * <p>A provider may send as many bytes as the stream's window allows. Only bytes that the client has taken reopen the
 * window. So the window bounds what is held for a client that takes nothing, and no other stream waits for that client.
 * The window grows for a client that takes much, as far as the memory budget has room. A {@link BodySender} sends the
 * request's body as fast as the provider's window and the connection allow.
 *
 * <p>Used on the event loop only, except {@link Exchange.Wire}, which any thread may use.
 */
final class Http2Call implements Exchange.Wire, BodySender.Out {
    /** At most this many held bytes are passed on at a time: as many as a frame may have. */
    private static final int PIECE = 16 * 1024;

    private final Http2Connection connection;
    private final Exchange call;
    private final UpstreamRequest request;
    private final int id;
    private final long beganNanos;
    private final BodySender body;

    /** The pending write of the request's head. */
    private ChannelFuture head;
    /** The count of {@link WatchedChannel#written} before the head was written. */
    private long writtenBefore;

    private long headBytes;
    /** Number of fields in all heads and in the trailer section. */
    private long fieldCount;
    /** The answer's head; null until it has arrived. */
    private AnswerHead answer;
    /** Bytes of a body of known length that have not arrived. */
    private long left;

    private final HeldBytes held = new HeldBytes(Http2Connections.STREAM_WINDOW);
    /** Whether the call waits for more of the answer. */
    private boolean wanted = true;
    /** Bytes of the piece that the call has been given and has not taken yet. */
    private int untaken;

    private final StreamWindow window = new StreamWindow();

    private boolean passing;
    /** Whether the whole answer has arrived. */
    private boolean complete;

    private Map<String, List<String>> trailers = Map.of();
    /** The failure to report after all held bytes; null if nothing failed. */
    private Throwable failure;
    /** Whether the call has ended, and is told no more. */
    private boolean over;

    Http2Call(Http2Connection connection, Exchange call, int id, long beganNanos) {
        this.connection = connection;
        this.call = call;
        this.request = call.request();
        this.id = id;
        this.beganNanos = beganNanos;
        this.body = new BodySender(connection.loop(), request.body(), this);
    }

    int id() {
        return id;
    }

    // ---- the request

    void send() {
        Http2Headers fields = Http2Head.of(request);
        writtenBefore = connection.written();
        head = connection.writeHead(id, fields, request.body() == null);
        if (!over) {
            if (request.body() != null && !body.isHeld()) {
                // The head does not wait for the body, which may be slow.
                connection.flush();
            }
            body.start();
        }
        connection.flush();
    }

    @Override
    public void write(ByteBuf piece) {
        connection.writeBody(id, piece, false);
    }

    @Override
    public void flush() {
        connection.flush();
    }

    @Override
    public boolean hasRoom() {
        return connection.isWritable(id);
    }

    @Override
    public void allWritten() {
        connection.writeBody(id, Unpooled.EMPTY_BUFFER, true);
        connection.flush();
    }

    @Override
    public void bodyFailed(Throwable why) {
        if (!over && !complete) {
            fail(why);
            connection.reset(id, Http2Error.CANCEL);
        }
    }

    /** The room for the request's body has changed. */
    void writabilityChanged() {
        body.writable();
    }

    // ---- the answer

    /** A head, an interim head, or trailer fields have arrived. */
    void fields(Http2Headers fields, boolean isLast) {
        if (ignoresMore()) {
            return;
        }
        try {
            headBytes += Http2Head.bytes(fields);
            if (headBytes > AnswerReader.MAX_HEAD_BYTES) {
                throw tooLong();
            }
            fieldCount += fields.size();
            if (!call.mayHoldHead(AnswerHead.heldBytes(headBytes, fieldCount))) {
                throw ProxyException.noRoom();
            }
            if (answer != null) {
                trailers(fields, isLast);
                return;
            }
            AnswerHead next = Http2Head.answer(fields, request.method().equals("HEAD"), isLast);
            if (next.isInterim()) {
                call.interim(next);
                return;
            }
            answer = next;
            left = next.length();
            if (isLast) {
                completed();
            }
            connection.answers();
            call.head(next);
            pass();
        } catch (ProxyException malformed) {
            malformed(malformed);
        } catch (RuntimeException | Error e) {
            broken(e);
        }
    }

    private void trailers(Http2Headers fields, boolean isLast) throws ProxyException {
        if (!isLast) {
            throw ProxyException.malformed("it has a head in the midst of its body");
        }
        if (left > 0) {
            throw Http2Head.shorter();
        }
        trailers = Http2Head.trailers(fields);
        completed();
        pass();
    }

    static ProxyException tooLong() {
        return ProxyException.malformed("its head is longer than " + AnswerReader.MAX_HEAD_BYTES + " bytes");
    }

    /**
     * More of the body.
     *
     * @return number of bytes to give back to the stream's window at once
     */
    int data(ByteBuf bytes, boolean isLast) {
        int count = bytes.readableBytes();
        if (ignoresMore()) {
            return count;
        }
        try {
            check(count, isLast);
            if (isLast) {
                completed();
            }
            if (count == 0) {
                pass();
                return 0;
            }
            if (!wanted || passing || !held.isEmpty()) {
                held.add(bytes);
                pass();
                return 0;
            }
            // By far the most common case: passed on without a copy.
            give(bytes.nioBuffer(), count);
            pass();
        } catch (ProxyException malformed) {
            malformed(malformed);
        } catch (RuntimeException | Error e) {
            broken(e);
        }
        return 0;
    }

    private void check(int count, boolean isLast) throws ProxyException {
        if (answer == null) {
            throw ProxyException.malformed("its body comes ahead of its head");
        }
        switch (answer.framing()) {
            case NONE -> {
                if (count > 0) {
                    throw ProxyException.malformed("it has a body where there is none");
                }
            }
            case LENGTH -> {
                left -= count;
                if (left < 0) {
                    throw Http2Head.longer();
                }
                if (isLast && left > 0) {
                    throw Http2Head.shorter();
                }
            }
            default -> {}
        }
    }

    /** The whole answer has arrived. Tells the connection first, since the client may call again at once. */
    private void completed() {
        complete = true;
        body.stop();
        connection.answered(id, body.isSent());
    }

    /** Hands a piece to the call, which waits for one. */
    private void give(ByteBuffer piece, int count) {
        boolean isLast = complete && held.isEmpty();
        passing = true;
        wanted = false;
        untaken = count;
        try {
            call.piece(piece);
            if (!isLast && !over) {
                call.pause();
            }
        } finally {
            passing = false;
        }
    }

    /** Passes on held bytes, as far as the call takes them, and then the end. */
    private void pass() {
        while (!passing && !over) {
            if (wanted && untaken > 0) {
                int taken = untaken;
                untaken = 0;
                connection.taken(id, taken);
                widen(taken);
            }
            if (held.isEmpty() && complete) {
                over = true;
                call.ended(trailers);
            } else if (!wanted || (held.isEmpty() && failure == null)) {
                return;
            } else if (held.isEmpty()) {
                over = true;
                call.failed(failure);
            } else {
                int count = Math.min(PIECE, held.size());
                give(held.take(count), count);
            }
        }
    }

    private void widen(int taken) {
        int wanted = window.wanted(taken, connection.nanoTime());
        int more = wanted - window.bytes();
        if (more > 0 && !complete && call.mayHoldAhead(wanted - Http2Connections.STREAM_WINDOW)) {
            held.widen(wanted);
            connection.widen(id, more);
            window.widen(wanted);
        }
    }

    // ---- failures

    private boolean ignoresMore() {
        return over || complete || failure != null;
    }

    private void malformed(ProxyException why) {
        // The call fails first: a reset closes the stream, and would report a less precise reason.
        fail(why);
        connection.reset(id, Http2Error.PROTOCOL_ERROR);
    }

    /** The call has thrown an exception. */
    private void broken(Throwable why) {
        over = true;
        held.clear();
        body.stop();
        connection.reset(id, Http2Error.CANCEL);
        call.failed(why);
    }

    /** The answer has failed. The call is told after it has taken all bytes that have arrived. */
    void fail(Throwable why) {
        if (ignoresMore()) {
            return;
        }
        body.stop();
        failure = why;
        try {
            pass();
        } catch (RuntimeException | Error e) {
            broken(e);
        }
    }

    /** The provider has reset the stream. */
    void reset(long code) {
        Http2Error error = Http2Error.valueOf(code);
        IOException why = new IOException("The provider reset the stream: " + (error == null ? code : error));
        if (error == Http2Error.REFUSED_STREAM) {
            unprocessed(why);
        } else {
            fail(why);
        }
    }

    /** The provider has not processed the request (RFC 9113, 8.7). It counts as unsent if it can be repeated. */
    void unprocessed(Throwable why) {
        boolean isRepeatable = headBytes == 0 && body.isRepeatable();
        if (ignoresMore() || !isRepeatable) {
            fail(why);
            return;
        }
        body.stop();
        over = true;
        call.unsent(why);
    }

    /** The stream no longer exists, for whatever reason. */
    void closed(Throwable why) {
        boolean isLost = head != null && head.isDone() && !head.isSuccess() && connection.written() == writtenBefore;
        if (isLost) {
            unprocessed(head.cause());
        } else {
            fail(why != null ? why : new EOFException("The connection was closed"));
        }
    }

    // ---- called by the UpstreamCall

    @Override
    public void read() {
        connection.run(() -> {
            if (!over) {
                wanted = true;
                try {
                    pass();
                } catch (RuntimeException | Error e) {
                    broken(e);
                }
            }
        });
    }

    @Override
    public void cancel() {
        connection.run(() -> {
            if (!over) {
                over = true;
                held.clear();
                body.stop();
                connection.cancelled(id, beganNanos, headBytes > 0);
            }
        });
    }
}
