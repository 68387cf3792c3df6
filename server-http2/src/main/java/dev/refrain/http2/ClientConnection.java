package dev.refrain.http2;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.framing.HeaderBlocks;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http2.Http2CodecUtil;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2ConnectionDecoder;
import io.netty.handler.codec.http2.Http2ConnectionEncoder;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Exception.StreamException;
import io.netty.handler.codec.http2.Http2FrameAdapter;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2RemoteFlowController;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.collection.IntObjectHashMap;
import io.netty.util.collection.IntObjectMap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xnio.IoUtils;
import org.xnio.StreamConnection;
import org.xnio.XnioExecutor;
import org.xnio.XnioIoThread;
import org.xnio.conduits.ConduitStreamSinkChannel;
import org.xnio.conduits.ConduitStreamSourceChannel;

/**
 * A client's connection over HTTP/2. Netty handles frames, the state of streams and flow control, in a channel without
 * a socket. XNIO moves the bytes.
 *
 * <p>Memory for a client is bounded. Netty gets bytes of an answer only if they may be sent at once; others stay with
 * their writer. While the socket takes nothing, nothing is read either, so that replies to control frames cannot pile
 * up. Bytes that a client sends ahead of a stream's reader are limited by windows and reserved in the memory budget.
 *
 * <p>Used on the I/O thread only, unless a method says otherwise. Long, since Netty reports frames, streams and errors
 * in several places, which all change the same few fields.
 */
final class ClientConnection extends Http2ConnectionHandler {
    private static final Logger LOG = LoggerFactory.getLogger(ClientConnection.class);

    /** At most this many idle links are kept for further requests. A link is a connection of HTTP/1.1 to the server. */
    private static final int MOST_IDLE = 4;
    /** Limit of an answer's bytes in one frame. */
    private static final int PIECE = 16 * 1024;
    /** Heap of a link beside its request, in bytes. */
    private static final int LINK_BYTES = 8 * 1024;
    /** How long a client may take for the last bytes, in seconds. */
    private static final long CLOSING_SECONDS = 1;
    /** Time for a client to learn that its next requests must go elsewhere; at least a round trip. */
    private static final long NOTICE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final ByteBufAllocator FORGETFUL = new UnpooledByteBufAllocator(false);
    private static final WriteBufferWaterMark UNBOUNDED = new WriteBufferWaterMark(1 << 28, 1 << 29);

    private final StreamConnection connection;
    private final Http2Listener listener;
    private final XnioIoThread thread;
    private final Buffers buffers;
    private final Pipe pipe = new Pipe();

    private final IntObjectMap<StreamLink> links = new IntObjectHashMap<>();
    /** The link that was used last is first, because its state is that of the client's previous request. */
    private final ArrayDeque<StreamLink> idle = new ArrayDeque<>(MOST_IDLE);
    /** Links for which bytes arrived in the current batch. */
    private final Set<StreamLink> fed = new LinkedHashSet<>();
    /** Links that have bytes to write but had no room. */
    private final Set<StreamLink> blocked = new LinkedHashSet<>();

    private final HeaderBlocks blocks;
    /** Bytes of an incomplete frame, which are reserved. */
    private int partial;

    private ChannelHandlerContext context;
    /** Bytes that the socket has not taken. */
    private final ArrayDeque<ByteBuffer> backlog = new ArrayDeque<>(2);
    /** Whether TLS has taken all bytes, but the socket has not. */
    private boolean unflushed;
    /** Calls of {@link #enter} without their {@link #leave}. The outermost {@code leave} writes what was gathered. */
    private int depth;

    /** Whether the client has taken an answer. */
    private boolean isKnown;

    private long idleSinceNanos = System.nanoTime();
    private XnioExecutor.Key idleTimer;
    /** Whether the connection ends as soon as it is idle. */
    private boolean leaving;
    /** Time between the notice to the client and the end of the connection, in nanoseconds; 0 if no notice is given. */
    private long noticeNanos;
    /** Whether the connection has waited long enough for a moment without a request. */
    private boolean overdue;
    /** Whether the client has been given notice. */
    private boolean announced;
    /** Whether the client has been told which request is the last. */
    private boolean retired;
    /** Stream id of the last request that was not refused. */
    private int lastBegun;
    /** Whether the connection ends in an orderly way. */
    private boolean parting;

    private boolean closed;

    /** Made by {@link ClientConnections}. */
    ClientConnection(
            Http2ConnectionDecoder decoder,
            Http2ConnectionEncoder encoder,
            Http2Settings settings,
            StreamConnection connection,
            Http2Listener listener) {
        // The last argument keeps Netty from sending a GOAWAY, since this class sends its own.
        super(decoder, encoder, settings, true);
        this.connection = connection;
        this.listener = listener;
        this.thread = connection.getIoThread();
        this.buffers = listener.buffers(thread);
        this.blocks = new HeaderBlocks(listener.memory(), 0);
        decoder.frameListener(new Frames());
        streams().addListener(new Streams());
    }

    // ---- life cycle

    /** Begins with the first bytes, which include the whole preface. */
    void begin(ByteBuffer first) {
        pipe.config().setWriteBufferWaterMark(UNBOUNDED);
        // No pool, because its buffers would keep API keys, which must not outlive their request (wire rule W15).
        pipe.config().setAllocator(FORGETFUL);
        connection.getSourceChannel().setReadListener(this::onReadable);
        connection.getSinkChannel().setWriteListener(this::onWritable);
        connection.setCloseListener(gone -> onThread(this::gone));
        awaitIdle(listener.idle().toNanos());
        enter();
        try {
            pipe.pipeline().addLast(this);
            decoder()
                    .flowController()
                    .incrementWindowSize(
                            streams().connectionStream(),
                            ClientConnections.CONNECTION_WINDOW - Http2CodecUtil.DEFAULT_WINDOW_SIZE);
            came(first, FirstBytes.PREFACE_BYTES);
        } catch (Http2Exception e) {
            throw new IllegalStateException(e);
        } finally {
            leave();
        }
        connection.getSourceChannel().resumeReads();
    }

    @Override
    public void handlerAdded(ChannelHandlerContext added) throws Exception {
        context = added;
        super.handlerAdded(added);
    }

    private void onThread(Runnable task) {
        if (Thread.currentThread() == thread) {
            task.run();
            return;
        }
        try {
            thread.execute(task);
        } catch (RejectedExecutionException stopping) {
            task.run();
        }
    }

    private void awaitIdle(long nanos) {
        try {
            idleTimer = thread.executeAfter(
                    this::onIdle, Math.max(nanos, TimeUnit.MILLISECONDS.toNanos(1)), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException stopping) {
            idleTimer = null;
        }
    }

    private void onIdle() {
        long rest = idleSinceNanos + listener.idle().toNanos() - System.nanoTime();
        if (!links.isEmpty()) {
            awaitIdle(listener.idle().toNanos());
        } else if (rest > 0) {
            awaitIdle(rest);
        } else {
            retireNow();
        }
    }

    /**
     * Makes the client send its next requests elsewhere, without losing any (RFC 9113, 6.8). The client is given notice
     * first. When the client must have received the notice, it is told which request was the last. Some clients, such
     * as the JDK's before 17.0.17, fail all requests under way at any {@code GOAWAY}. So the notice is sent while no
     * request is under way, or, if no such moment comes in half of the given time, with the next request.
     *
     * <p>If the time is over, or is zero, a client that has had notice is told the last request at once, and any other
     * as soon as no request is under way. From any thread.
     */
    void retire(long withinNanos) {
        onThread(() -> {
            beginToLeave(withinNanos);
            if (links.isEmpty() || (announced && withinNanos == 0)) {
                leaveNow();
            }
        });
    }

    /**
     * {@link #retire} for a client that has connected meanwhile. Its first request is on its way, and is answered
     * before the client is told. A client that sends none is not waited for long.
     */
    void retireWhenAnswered(long withinNanos) {
        beginToLeave(withinNanos);
        later(
                () -> {
                    if (links.isEmpty()) {
                        leaveNow();
                    }
                },
                NOTICE_NANOS);
    }

    private void beginToLeave(long withinNanos) {
        leaving = true;
        if (withinNanos > 0) {
            noticeNanos = Math.min(NOTICE_NANOS, withinNanos / 4);
            later(() -> overdue = true, withinNanos / 2);
        }
    }

    /** Ends the connection: with notice if there is time for it, else at once. */
    private void leaveNow() {
        if (isDrained() && !listener.isOver()) {
            announce();
        } else {
            retireNow();
        }
    }

    private boolean isDrained() {
        return noticeNanos > 0;
    }

    private void announce() {
        if (!announced && !retired && !closed) {
            announced = true;
            goAway(Integer.MAX_VALUE);
            later(this::retireNow, noticeNanos);
        }
    }

    private void retireNow() {
        if (!retired && !closed) {
            retired = true;
            goAway(streams().remote().lastStreamCreated());
        }
        closeIfDone();
    }

    /** Sends a {@code GOAWAY} past Netty, which would otherwise take a late request's body for a connection error. */
    private void goAway(int last) {
        enter();
        encoder()
                .frameWriter()
                .writeGoAway(context, last, Http2Error.NO_ERROR.code(), Unpooled.EMPTY_BUFFER, context.newPromise());
        flush(context);
        leave();
    }

    private void later(Runnable task, long nanos) {
        try {
            thread.executeAfter(task, Math.max(nanos, TimeUnit.MILLISECONDS.toNanos(1)), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException stopping) {
            LOG.debug("A timer was not set, because the connection's thread is being stopped");
        }
    }

    private void closeIfDone() {
        if (retired && !closed && links.isEmpty() && pipe.isOpen()) {
            parting = true;
            enter();
            pipe.close();
            leave();
        }
    }

    /** The connection is closed, by either side. */
    private void gone() {
        if (!closed) {
            closed = true;
            if (idleTimer != null) {
                idleTimer.remove();
            }
            listener.closed(this);
            backlog.forEach(bytes -> listener.memory().release(bytes.capacity()));
            backlog.clear();
            buffers.written(this);
            blocks.close();
            holdPartial(0);
            pipe.close();
            pipe.runPendingTasks();
            List.copyOf(links.values()).forEach(StreamLink::broken);
            List.copyOf(idle).forEach(IoUtils::safeClose);
            fed.clear();
            blocked.clear();
        }
    }

    /**
     * All bytes have been sent. Bytes from the client are read before the socket is closed. Otherwise the system would
     * send a reset, and the client could lose bytes that it has not read, the {@code GOAWAY} included.
     */
    private void end() {
        try {
            if (parting) {
                connection.getSinkChannel().shutdownWrites();
                if (!connection.getSinkChannel().flush()) {
                    connection.getSinkChannel().resumeWrites();
                }
                return;
            }
        } catch (IOException e) {
            LOG.debug("A client has closed its connection: {}", e.toString());
        }
        IoUtils.safeClose(connection);
    }

    /** Netty has closed its channel, after its last frames. */
    private void ended() {
        retired = true;
        if (!closed) {
            try {
                thread.executeAfter(() -> IoUtils.safeClose(connection), CLOSING_SECONDS, TimeUnit.SECONDS);
            } catch (RejectedExecutionException stopping) {
                // Gathered bytes, perhaps the end of an answer, are sent first. Then leave() closes the socket.
                parting = false;
            }
        }
    }

    // ---- bytes

    private void onReadable(ConduitStreamSourceChannel source) {
        ByteBuffer bytes = buffers.in();
        int count;
        try {
            count = source.read(bytes);
        } catch (IOException e) {
            count = -1;
        }
        if (count < 0) {
            IoUtils.safeClose(connection);
            return;
        }
        if (count > 0 && pipe.isOpen()) {
            enter();
            try {
                came(bytes.flip(), 0);
            } finally {
                leave();
            }
        }
    }

    /** @param other number of bytes at the beginning that belong to no frame */
    private void came(ByteBuffer bytes, int other) {
        if (!blocks.came(bytes.slice(other, bytes.limit() - other))) {
            // The connection must end: later frames cannot be decoded without this one (RFC 9113, 4.3).
            noRoom();
            return;
        }
        ByteBuf copy = pipe.alloc().heapBuffer(bytes.remaining());
        copy.writeBytes(bytes);
        pipe.pipeline().fireChannelRead(copy);
        pipe.pipeline().fireChannelReadComplete();
        pipe.runPendingTasks();
        if (closed) {
            return;
        }
        blocks.read();
        if (!holdPartial(pipe.isOpen() ? actualReadableBytes() : 0)) {
            noRoom();
            return;
        }
        while (!fed.isEmpty()) {
            StreamLink next = fed.iterator().next();
            fed.remove(next);
            next.readable();
        }
        unblock();
    }

    /** Ends the connection for want of memory. The client is told which requests it may send again. */
    private void noRoom() {
        if (pipe.isOpen()) {
            // Netty's own error would say that all requests may have been processed.
            goAway(
                    context,
                    streams().remote().lastStreamCreated(),
                    Http2Error.ENHANCE_YOUR_CALM.code(),
                    Unpooled.EMPTY_BUFFER,
                    context.newPromise());
            flush(context);
            // The client is in the middle of a frame or head. An orderly close keeps its further bytes from causing a
            // reset, which could lose the GOAWAY.
            parting = true;
            context.close();
            pipe.runPendingTasks();
        } else {
            IoUtils.safeClose(connection);
        }
    }

    private boolean holdPartial(int bytes) {
        if (bytes > partial && !listener.memory().reserve(bytes - partial)) {
            return false;
        }
        listener.memory().release(Math.max(0, partial - bytes));
        partial = bytes;
        return true;
    }

    /** Lets those blocked links write that have room again. Returns whether there was such a link. */
    private boolean unblock() {
        boolean any = false;
        if (!blocked.isEmpty()) {
            for (StreamLink link : List.copyOf(blocked)) {
                if (link.hasRoom() && blocked.remove(link)) {
                    link.writable();
                    any = true;
                }
            }
        }
        return any;
    }

    /** From here on, output is gathered until {@link #leave}. */
    void enter() {
        depth++;
    }

    void leave() {
        if (depth == 1) {
            do {
                push();
            } while (!closed && isOut() && unblock());
            if (!closed && !isOut()) {
                connection.getSourceChannel().suspendReads();
                connection.getSinkChannel().resumeWrites();
            } else if (!closed && !pipe.isOpen()) {
                end();
            }
        }
        depth--;
    }

    private void gather(ByteBuf bytes) {
        while (bytes.isReadable() && !closed) {
            ByteBuffer out = buffers.out(this);
            if (!out.hasRemaining()) {
                push();
                continue;
            }
            int count = Math.min(out.remaining(), bytes.readableBytes());
            int limit = out.limit();
            bytes.readBytes(out.limit(out.position() + count));
            out.limit(limit);
        }
    }

    /** Writes the gathered bytes, as far as the socket takes them. */
    void push() {
        ByteBuffer bytes = buffers.gathered(this);
        try {
            if (backlog.isEmpty() && !closed && bytes.hasRemaining()) {
                unflushed = !write(bytes) || !connection.getSinkChannel().flush();
            }
            if (bytes.hasRemaining() && !closed) {
                hold(bytes);
            }
        } catch (IOException e) {
            IoUtils.safeClose(connection);
        } finally {
            buffers.written(this);
        }
    }

    private boolean write(ByteBuffer bytes) throws IOException {
        ConduitStreamSinkChannel sink = connection.getSinkChannel();
        while (bytes.hasRemaining()) {
            if (sink.write(bytes) == 0) {
                return false;
            }
        }
        return true;
    }

    private void hold(ByteBuffer bytes) {
        if (!listener.memory().reserve(bytes.remaining())) {
            LOG.debug("A client was cut: the memory for answers that clients have yet to read is used up");
            IoUtils.safeClose(connection);
            return;
        }
        ByteBuffer copy = ByteBuffer.allocate(bytes.remaining());
        copy.put(bytes).flip();
        backlog.add(copy);
    }

    /** Whether the socket has taken all output, apart from gathered bytes. */
    boolean isOut() {
        return backlog.isEmpty() && !unflushed;
    }

    private void onWritable(ConduitStreamSinkChannel sink) {
        try {
            while (!backlog.isEmpty()) {
                if (!write(backlog.peek())) {
                    return;
                }
                listener.memory().release(backlog.remove().capacity());
            }
            if (!sink.flush()) {
                return;
            }
        } catch (IOException e) {
            IoUtils.safeClose(connection);
            return;
        }
        unflushed = false;
        sink.suspendWrites();
        connection.getSourceChannel().resumeReads();
        if (!pipe.isOpen()) {
            end();
            return;
        }
        enter();
        try {
            unblock();
        } finally {
            leave();
        }
    }

    // ---- called by the links

    StreamConnection socket() {
        return connection;
    }

    XnioIoThread thread() {
        return thread;
    }

    Http2Listener listener() {
        return listener;
    }

    /** Bytes of an answer that may be sent now; negative if the stream no longer exists. */
    int room(int id) {
        Http2Stream stream = streams().stream(id);
        if (stream == null || closed) {
            return -1;
        }
        if (!isOut()) {
            return 0;
        }
        Http2RemoteFlowController windows = encoder().flowController();
        int room = Math.min(
                windows.windowSize(stream), windows.windowSize(streams().connectionStream()));
        return Math.max(0, Math.min(PIECE, room));
    }

    void writeHead(int id, Http2Headers head, boolean isLast) {
        encoder().writeHeaders(context, id, head, 0, isLast, context.newPromise());
        flush(context);
    }

    /** Writes bytes of an answer. There must be {@link #room} for all of them, so that Netty keeps none. */
    void writeBody(int id, ByteBuffer bytes, boolean isLast) {
        ByteBuf data = bytes.hasRemaining() ? Unpooled.wrappedBuffer(bytes) : Unpooled.EMPTY_BUFFER;
        encoder().writeData(context, id, data, 0, isLast, context.newPromise());
        flush(context);
    }

    void reset(int id, Http2Error error) {
        if (!closed && streams().stream(id) != null) {
            enter();
            encoder().writeRstStream(context, id, error.code(), context.newPromise());
            flush(context);
            leave();
        }
    }

    /** Bytes of a request have been read; reopens the windows. */
    void consumed(int id, int bytes) {
        Http2Stream stream = closed ? null : streams().stream(id);
        if (stream == null) {
            return;
        }
        enter();
        try {
            if (decoder().flowController().consumeBytes(stream, bytes)) {
                flush(context);
            }
        } catch (Http2Exception e) {
            onError(context, true, e);
        } finally {
            leave();
        }
    }

    /** A link waits for room to write. */
    void block(StreamLink link) {
        blocked.add(link);
    }

    /**
     * The part of the budget for the next link. A client that has taken an answer gets one request at a time under the
     * same terms as over HTTP/1.1. All other requests must leave room for calls, because a client can cheaply begin a
     * hundred requests and finish none.
     */
    private MemoryBudget.Use useOfNext() {
        return isKnown && links.isEmpty() ? MemoryBudget.Use.SHORT : MemoryBudget.Use.CALL;
    }

    /** A link's stream is over. The link is kept for another request, or closed. */
    void free(StreamLink link, int id, boolean isReusable) {
        if (links.get(id) == link) {
            links.remove(id);
        }
        fed.remove(link);
        blocked.remove(link);
        listener.memory().release(LINK_BYTES);
        isKnown |= isReusable;
        if (links.isEmpty()) {
            idleSinceNanos = System.nanoTime();
        }
        if (!isReusable || closed || retired || idle.size() >= MOST_IDLE || !listener.mayIdle()) {
            IoUtils.safeClose(link);
        } else {
            idle.push(link);
        }
        if (leaving && links.isEmpty()) {
            leaveNow();
        }
        closeIfDone();
    }

    /** A link is closed. */
    void forget(StreamLink link) {
        if (idle.remove(link)) {
            listener.idleEnded();
        }
        fed.remove(link);
        blocked.remove(link);
    }

    private io.netty.handler.codec.http2.Http2Connection streams() {
        return super.connection();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext from, Throwable why) {
        onError(from, false, why);
    }

    @Override
    protected void onConnectionError(
            ChannelHandlerContext from, boolean outbound, Throwable cause, Http2Exception broken) {
        LOG.debug("A client's connection over HTTP/2 is closed: {}", cause.toString());
        super.onConnectionError(from, outbound, cause, broken);
    }

    @Override
    protected void onStreamError(
            ChannelHandlerContext from, boolean outbound, Throwable cause, StreamException broken) {
        int id = broken.streamId();
        if (!outbound && !streams().streamMayHaveExisted(id)) {
            // The stream's head is malformed. Without an entry for the stream, its body would be a connection error.
            try {
                streams().remote().createStream(id, false);
            } catch (Http2Exception none) {
                LOG.debug("A stream is refused", none);
            }
        }
        super.onStreamError(from, outbound, cause, broken);
    }

    private final class Streams extends Http2ConnectionAdapter {
        @Override
        public void onStreamClosed(Http2Stream stream) {
            StreamLink link = links.get(stream.id());
            if (link != null) {
                link.streamClosed();
            }
        }
    }

    private final class Frames extends Http2FrameAdapter {
        @Override
        public void onHeadersRead(
                ChannelHandlerContext from, int id, Http2Headers fields, int padding, boolean isLast) {
            StreamLink link = links.get(id);
            if (link != null) {
                // Trailer fields, which nobody uses.
                link.came(null, isLast);
                feed(link, isLast);
                return;
            }
            RequestHead head = RequestHead.of(fields, isLast);
            if (head == null) {
                reset(id, Http2Error.PROTOCOL_ERROR);
                return;
            }
            if (!retired && isDrained() && listener.isOver()) {
                retired = true;
                goAway(lastBegun);
            }
            if (retired) {
                // The request is not processed, so the client may send it elsewhere.
                reset(id, Http2Error.REFUSED_STREAM);
                return;
            }
            if (!listener.memory().reserve(LINK_BYTES, useOfNext())) {
                reset(id, Http2Error.REFUSED_STREAM);
                return;
            }
            link = idle.poll();
            if (link != null) {
                listener.idleEnded();
            } else {
                link = new StreamLink(ClientConnection.this);
                listener.http1().handleEvent(link);
            }
            links.put(id, link);
            lastBegun = id;
            link.begin(id, head, "HEAD".contentEquals(fields.method()), isLast);
            feed(link, isLast);
            if (overdue) {
                announce();
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
            int count = bytes.readableBytes();
            StreamLink link = links.get(id);
            if (link == null) {
                return count + padding;
            }
            if (!link.came(bytes, isLast)) {
                reset(id, Http2Error.ENHANCE_YOUR_CALM);
                return count + padding;
            }
            feed(link, isLast);
            return padding;
        }
    }

    /**
     * Serves a complete request at once, so that the link is free for the next one. An incomplete request waits until
     * the batch of bytes is read.
     */
    private void feed(StreamLink link, boolean isWhole) {
        if (isWhole) {
            fed.remove(link);
            link.readable();
        } else {
            fed.add(link);
        }
    }

    /** Netty's end of the connection. */
    private final class Pipe extends EmbeddedChannel {
        @Override
        protected void handleOutboundMessage(Object message) {
            try {
                gather((ByteBuf) message);
            } finally {
                ReferenceCountUtil.release(message);
            }
        }

        @Override
        protected void doClose() throws Exception {
            super.doClose();
            ended();
        }
    }
}
