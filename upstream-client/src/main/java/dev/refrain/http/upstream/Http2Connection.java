package dev.refrain.http.upstream;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.answer.Unreachable;
import dev.refrain.semantics.framing.HeaderBlocks;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoop;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2ConnectionDecoder;
import io.netty.handler.codec.http2.Http2ConnectionEncoder;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Exception.HeaderListSizeException;
import io.netty.handler.codec.http2.Http2Exception.StreamException;
import io.netty.handler.codec.http2.Http2FrameAdapter;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.collection.IntObjectHashMap;
import io.netty.util.collection.IntObjectMap;
import java.io.EOFException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;

/**
 * A connection to a provider over HTTP/2, for several calls at a time. It is read from all the time. So it is known to
 * be closed as soon as the provider closes it, and no answer waits for the client of another.
 *
 * <p>A place is {@linkplain #reserve reserved} before a call is {@linkplain #start started}, and is free again when its
 * stream is closed. There is one place until the provider has said how many streams it takes.
 *
 * <p>Used on the event loop only, unless a method says otherwise. Long, since Netty reports frames, streams and errors
 * in four places, which all change the same few fields.
 */
final class Http2Connection extends Http2ConnectionHandler {
    /** The owner of such connections. */
    interface Owner {
        /** The provider has said how many calls it takes. Called once, unless {@link #retired} comes first. */
        void ready(Http2Connection connection);

        /** There may be more places than before. */
        void hasRoom(Http2Connection connection);

        /**
         * The connection takes no more calls. Called once.
         *
         * @param why null if the connection was ready before
         */
        void retired(Http2Connection connection, ProxyException why);

        /** A call was not begun, because there was no place for it after all. */
        void notBegun(Exchange call);

        /** The connection's provider has answered. */
        void answers();

        /** The connection's provider asks for HTTP/1.1 (RFC 9113, 7). */
        void wantsHttp1();
    }

    /**
     * At most this many calls run at a time, even if the provider takes more; RFC 9113, 6.5.2 advises servers to take
     * no fewer than 100. All calls share one event loop and one TCP connection, where a lost packet delays all of them.
     */
    static final int MOST_CALLS = 100;

    /** A call that is cancelled sooner than this without an answer says nothing about the connection. */
    private static final long PING_AFTER_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final WatchedChannel channel;
    private final Owner owner;
    private final Duration limit;
    private final LongSupplier nanoTime;
    private final HeaderBlocks blocks;

    private final AtomicInteger taken = new AtomicInteger();
    /** Calls that are allowed at a time. */
    private volatile int capacity = 1;

    private final IntObjectMap<Http2Call> calls = new IntObjectHashMap<>();
    private ChannelHandlerContext context;
    private boolean ready;
    private boolean retired;
    /** Number of calls at which the provider refused another. */
    private int refusedAt = MOST_CALLS;

    private long lastReadNanos;
    private long idleSinceNanos;
    private long busySinceNanos;
    /** Whether a ping awaits its answer, since {@link #pingedNanos}. */
    private boolean pinged;

    private long pingedNanos;
    /** Whether incoming bytes are discarded. */
    private boolean discards;
    /** Why the connection is being closed; null for no particular reason. */
    private Throwable failure;

    /**
     * Made by {@link Http2Connections}.
     *
     * @param limit how long the provider may take for its first settings, and for the answer to a ping
     * @param memory budget for incomplete heads
     */
    Http2Connection(
            Http2ConnectionDecoder decoder,
            Http2ConnectionEncoder encoder,
            Http2Settings settings,
            WatchedChannel channel,
            Owner owner,
            Duration limit,
            LongSupplier nanoTime,
            MemoryBudget memory) {
        super(decoder, encoder, settings);
        this.channel = channel;
        this.owner = owner;
        this.limit = limit;
        this.nanoTime = nanoTime;
        this.blocks = new HeaderBlocks(memory, Admission.HEAD_BYTES);
        this.lastReadNanos = nanoTime.getAsLong();
        this.idleSinceNanos = lastReadNanos;
        decoder.frameListener(new Frames());
        connection().addListener(new Streams());
        encoder.flowController().listener(stream -> {
            Http2Call call = calls.get(stream.id());
            if (call != null) {
                call.writabilityChanged();
            }
        });
    }

    EventLoop loop() {
        return channel.eventLoop();
    }

    // ---- places; from any thread

    /** Reserves a place, if there is one. */
    boolean reserve() {
        int now;
        do {
            now = taken.get();
            if (now >= capacity) {
                return false;
            }
        } while (!taken.compareAndSet(now, now + 1));
        return true;
    }

    private void leave() {
        taken.decrementAndGet();
        if (!retired) {
            owner.hasRoom(this);
        }
    }

    /** Whether no place is reserved. From any thread. */
    boolean isIdle() {
        return taken.get() == 0;
    }

    /** Calls that the connection takes at a time, as of now. */
    int capacity() {
        return capacity;
    }

    private void updateCapacity() {
        int before = capacity;
        if (retired || pinged) {
            capacity = 0;
        } else if (ready) {
            capacity = Math.min(refusedAt, connection().local().maxActiveStreams());
        }
        if (capacity > before) {
            owner.hasRoom(this);
        }
    }

    /** Starts a call in a reserved place, always asynchronously. From any thread. */
    void start(Exchange call) {
        try {
            loop().execute(() -> begin(call));
        } catch (RejectedExecutionException closing) {
            // The upstream client is closing, and breaks off all calls.
        }
    }

    private void begin(Exchange call) {
        // The provider may have closed the connection or reduced the places, and that may not have been read yet.
        channel.look();
        int id = retired || !connection().local().canOpenStream()
                ? -1
                : connection().local().incrementAndGetNextStreamId();
        if (id < 0) {
            if (!retired && connection().local().canOpenStream()) {
                // All stream ids are used up.
                retire();
            }
            taken.decrementAndGet();
            owner.notBegun(call);
            return;
        }
        Http2Call next = new Http2Call(this, call, id, nanoTime.getAsLong());
        if (!call.begins(next)) {
            leave();
            return;
        }
        if (calls.isEmpty()) {
            busySinceNanos = nanoTime.getAsLong();
        }
        calls.put(id, next);
        next.send();
        if (connection().stream(id) == null) {
            closed(id);
        }
    }

    // ---- called by each Http2Call

    /** Runs a task on the event loop; at once if called there. From any thread. */
    void run(Runnable task) {
        if (loop().inEventLoop()) {
            task.run();
            return;
        }
        try {
            loop().execute(task);
        } catch (RejectedExecutionException closing) {
            // The upstream client is closing, and breaks off all calls.
        }
    }

    /** A count that changes whenever bytes are sent. */
    long written() {
        return channel.written();
    }

    ChannelFuture writeHead(int id, Http2Headers fields, boolean isAll) {
        return encoder().writeHeaders(context, id, fields, 0, isAll, context.newPromise());
    }

    void writeBody(int id, ByteBuf bytes, boolean isLast) {
        encoder().writeData(context, id, bytes, 0, isLast, context.newPromise());
    }

    boolean isWritable(int id) {
        Http2Stream stream = connection().stream(id);
        return stream != null && encoder().flowController().isWritable(stream);
    }

    void flush() {
        flush(context);
    }

    void answers() {
        owner.answers();
    }

    /** The whole answer has arrived. The rest of its request need not be sent. */
    void answered(int id, boolean isSent) {
        Http2Stream stream = connection().stream(id);
        if (stream != null) {
            closeStreamRemote(stream, context.newSucceededFuture());
        }
        if (!isSent) {
            reset(id, Http2Error.NO_ERROR);
        }
    }

    /** Bytes of an answer have been taken, which reopens the stream's window. */
    void taken(int id, int bytes) {
        Http2Stream stream = connection().stream(id);
        try {
            if (stream != null && decoder().flowController().consumeBytes(stream, bytes)) {
                flush();
            }
        } catch (Http2Exception e) {
            onError(context, true, e);
        }
    }

    /** Widens a stream's window by this many bytes. */
    void widen(int id, int more) {
        Http2Stream stream = connection().stream(id);
        try {
            if (stream != null) {
                decoder().flowController().incrementWindowSize(stream, more);
                flush();
            }
        } catch (Http2Exception e) {
            onError(context, true, e);
        }
    }

    long nanoTime() {
        return nanoTime.getAsLong();
    }

    void reset(int id, Http2Error error) {
        if (connection().stream(id) != null) {
            encoder().writeRstStream(context, id, error.code(), context.newPromise());
            flush();
        }
    }

    /** A call was cancelled. If nothing at all has been read since it began, the provider may be gone. */
    void cancelled(int id, long beganNanos, boolean isAnswered) {
        reset(id, Http2Error.CANCEL);
        long now = nanoTime.getAsLong();
        if (!isAnswered && lastReadNanos - beganNanos < 0 && now - beganNanos >= PING_AFTER_NANOS) {
            ping();
        }
    }

    // ---- life cycle

    /** Closes the connection if it is dead or has been idle for too long. Must be called at intervals. */
    void tick(Duration keepAlive) {
        long now = nanoTime.getAsLong();
        long silence = limit.toNanos();
        if (!ready && now - idleSinceNanos >= silence) {
            abort(ProxyException.unreachable(Unreachable.HANDSHAKE_TIMED_OUT, null));
        } else if (pinged && now - pingedNanos >= silence) {
            abort(new IOException("The provider sent nothing for " + limit.toMillis() + " ms"));
        } else if (calls.isEmpty() && ready && now - idleSinceNanos >= keepAlive.toNanos()) {
            retire();
        } else if (!calls.isEmpty() && now - lastHeardNanos() >= silence) {
            ping();
        }
    }

    /** When bytes were last read, or when the current calls began if that is later. */
    private long lastHeardNanos() {
        return lastReadNanos - busySinceNanos > 0 ? lastReadNanos : busySinceNanos;
    }

    private void ping() {
        if (!pinged && !retired) {
            pinged = true;
            pingedNanos = nanoTime.getAsLong();
            updateCapacity();
            encoder().writePing(context, false, pingedNanos, context.newPromise());
            flush();
        }
    }

    /** Takes no more calls, and closes when the present ones have ended. */
    void retire() {
        if (!retired) {
            retired = true;
            updateCapacity();
            owner.retired(this, ready ? null : unready());
        }
        if (calls.isEmpty()) {
            run(channel::close);
        }
    }

    private ProxyException unready() {
        Unreachable reason = TlsSessions.isRefusal(failure) ? Unreachable.HANDSHAKE : Unreachable.OTHER;
        return failure instanceof ProxyException why ? why : ProxyException.unreachable(reason, failure);
    }

    /** Closes the connection at once. */
    private void abort(Throwable why) {
        if (failure == null) {
            failure = why;
        }
        retire();
        context.close();
    }

    @Override
    public void handlerAdded(ChannelHandlerContext added) throws Exception {
        context = added;
        super.handlerAdded(added);
        Http2Connections.widen(connection());
        channel.config().setAutoRead(true);
        flush();
    }

    @Override
    public void channelRead(ChannelHandlerContext from, Object message) throws Exception {
        lastReadNanos = nanoTime.getAsLong();
        discards = discards || !blocks.came(((ByteBuf) message).nioBuffer());
        if (discards) {
            // The connection must end: later frames cannot be decoded without this one (RFC 9113, 4.3).
            ReferenceCountUtil.release(message);
            abort(ProxyException.noRoom());
            return;
        }
        super.channelRead(from, message);
        blocks.read();
        if (pinged) {
            pinged = false;
            updateCapacity();
        }
    }

    @Override
    protected void handlerRemoved0(ChannelHandlerContext from) throws Exception {
        super.handlerRemoved0(from);
        // Netty has dropped its unfinished header block, so the memory reserved for that block is released.
        blocks.close();
    }

    @Override
    public void channelInactive(ChannelHandlerContext from) throws Exception {
        retire();
        super.channelInactive(from);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext from, Object event) throws Exception {
        if (event instanceof SslCloseCompletionEvent) {
            abort(new EOFException("The provider closed the connection"));
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext from, Throwable why) {
        if (failure == null) {
            failure = why;
        }
        onError(from, false, why);
    }

    @Override
    protected void onConnectionError(
            ChannelHandlerContext from, boolean outbound, Throwable cause, Http2Exception broken) {
        if (failure == null) {
            boolean isMalformed = broken != null && !outbound;
            // Netty's message may quote the answer.
            failure = isMalformed
                    ? ProxyException.malformed("it breaks the rules of HTTP/2 (" + broken.error() + ")")
                    : cause;
        }
        retire();
        super.onConnectionError(from, outbound, cause, broken);
    }

    @Override
    protected void onStreamError(
            ChannelHandlerContext from, boolean outbound, Throwable cause, StreamException broken) {
        Http2Call call = calls.get(broken.streamId());
        if (call != null && outbound) {
            call.fail(failure != null ? failure : cause);
        } else if (call != null) {
            call.fail(
                    broken instanceof HeaderListSizeException
                            ? Http2Call.tooLong()
                            : ProxyException.malformed("it breaks the rules of HTTP/2 (" + broken.error() + ")"));
        } else if (!outbound && connection().local().mayHaveCreatedStream(broken.streamId())) {
            // A frame of a closed stream, which was on its way when the stream was reset (RFC 9113, 5.1).
            return;
        }
        super.onStreamError(from, outbound, cause, broken);
    }

    private void closed(int id) {
        Http2Call call = calls.remove(id);
        if (call == null) {
            return;
        }
        if (calls.isEmpty()) {
            idleSinceNanos = nanoTime.getAsLong();
        }
        call.closed(failure);
        leave();
        if (retired) {
            retire();
        }
    }

    /**
     * Notes an error code that asks for HTTP/1.1. The call still fails, since the code does not say that the request
     * was not processed (RFC 9113, 8.7).
     */
    private void noteErrorCode(long code) {
        if (code == Http2Error.HTTP_1_1_REQUIRED.code()) {
            owner.wantsHttp1();
        }
    }

    private final class Streams extends Http2ConnectionAdapter {
        @Override
        public void onStreamClosed(Http2Stream stream) {
            closed(stream.id());
        }

        @Override
        public void onGoAwayReceived(int lastStreamId, long errorCode, ByteBuf debugData) {
            noteErrorCode(errorCode);
            retire();
            IOException why = new IOException("The provider closes the connection: " + Http2Error.valueOf(errorCode));
            for (Http2Call call : List.copyOf(calls.values())) {
                if (call.id() > lastStreamId) {
                    call.unprocessed(why);
                }
            }
        }
    }

    private final class Frames extends Http2FrameAdapter {
        @Override
        public void onSettingsRead(ChannelHandlerContext from, Http2Settings settings) {
            boolean isFirst = !ready;
            ready = true;
            updateCapacity();
            if (isFirst && !retired) {
                owner.ready(Http2Connection.this);
            }
        }

        @Override
        public void onHeadersRead(
                ChannelHandlerContext from, int id, Http2Headers fields, int padding, boolean isLast) {
            Http2Call call = calls.get(id);
            if (call != null) {
                call.fields(fields, isLast);
            }
        }

        @Override
        public void onHeadersRead(
                ChannelHandlerContext from,
                int id,
                Http2Headers fields,
                int dependency,
                short weight,
                boolean exclusive,
                int padding,
                boolean isLast) {
            onHeadersRead(from, id, fields, padding, isLast);
        }

        @Override
        public int onDataRead(ChannelHandlerContext from, int id, ByteBuf bytes, int padding, boolean isLast) {
            Http2Call call = calls.get(id);
            return padding + (call == null ? bytes.readableBytes() : call.data(bytes, isLast));
        }

        @Override
        public void onRstStreamRead(ChannelHandlerContext from, int id, long code) {
            Http2Call call = calls.get(id);
            if (call == null) {
                return;
            }
            if (code == Http2Error.REFUSED_STREAM.code()) {
                refusedAt = Math.min(refusedAt, calls.size() - 1);
                if (refusedAt == 0) {
                    retire();
                }
                updateCapacity();
            }
            noteErrorCode(code);
            call.reset(code);
        }
    }
}
