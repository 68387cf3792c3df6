package dev.refrain.http.upstream;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/** Writes a request over HTTP/1.1. Used on the event loop only. */
final class RequestWriter implements BodySender.Out {
    private static final byte[] LAST_CHUNK = {'0', '\r', '\n', '\r', '\n'};
    private static final byte[] LINE_END = {'\r', '\n'};

    private final ChannelHandlerContext context;
    private final UpstreamRequest request;
    /** The proxy to which the request is sent in place of the provider; null for none. */
    private final ProxyRules.Proxy via;

    private final Consumer<Throwable> failed;
    private final BodySender body;
    /** Whether the request has a body. The bytes of a websocket do not count as one. */
    private final boolean hasBody;

    private boolean isChunked;
    /** Receives the number of bytes sent over a websocket; null before there is one. */
    private IntConsumer moved;
    /** Runs when all bytes of the client have been written to a websocket; null before there is one. */
    private Runnable ended;

    /**
     * @param via the proxy to which the request is sent in place of the provider; null for none
     * @param failed receives, on the event loop, why the body has failed, unless the writer was stopped before
     */
    RequestWriter(
            ChannelHandlerContext context, UpstreamRequest request, ProxyRules.Proxy via, Consumer<Throwable> failed) {
        this.context = context;
        this.request = request;
        this.via = via;
        this.failed = failed;
        this.body = new BodySender(context.executor(), request.body(), this);
        this.hasBody = request.body() != null && !request.isForWebSocket();
    }

    /**
     * Begins to send.
     *
     * @return why not even the whole head was written, so that the provider cannot have acted on the request; null if
     *     it was written or still waits to be
     */
    Throwable send() {
        long before = written();
        ChannelFuture head = context.write(head());
        if (!hasBody || !body.isHeld()) {
            context.flush();
        }
        if (hasBody && !isLost(head, before)) {
            body.start();
        }
        return isLost(head, before) ? head.cause() : null;
    }

    private boolean isLost(ChannelFuture head, long before) {
        return head.isDone() && !head.isSuccess() && written() == before;
    }

    private long written() {
        return ((WatchedChannel) context.channel()).written();
    }

    private ByteBuf head() {
        StringBuilder text = new StringBuilder(512);
        // A proxy gets the absolute form (RFC 9112, 3.2.2).
        String target = (via == null ? "" : request.origin().toString()) + request.target();
        text.append(request.method()).append(' ').append(target).append(" HTTP/1.1\r\nHost: ");
        text.append(request.origin().authority()).append("\r\n");
        if (via != null && via.authorization() != null) {
            text.append("Proxy-Authorization: ").append(via.authorization()).append("\r\n");
        }
        if (request.isForWebSocket()) {
            text.append("Connection: Upgrade\r\nUpgrade: websocket\r\n");
        } else if (hasBody) {
            long length = request.body().contentLength();
            isChunked = length < 0;
            text.append(isChunked ? "Transfer-Encoding: chunked\r\n" : "Content-Length: " + length + "\r\n");
        }
        for (UpstreamRequest.Line line : request.fields()) {
            text.append(line.name()).append(": ").append(line.value()).append("\r\n");
        }
        return Unpooled.wrappedBuffer(text.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1));
    }

    /**
     * The provider has agreed to a websocket: the client's bytes are sent as they come.
     *
     * @param moved receives the number of bytes of each piece, on the event loop
     * @param ended runs on the event loop once the client sends no more and all its bytes are written
     */
    void switchProtocols(IntConsumer moved, Runnable ended) {
        this.moved = moved;
        this.ended = ended;
        body.start();
    }

    /** Whether the whole request has been written, including the client's bytes over a websocket. */
    boolean isSent() {
        return body.isSent() || (!hasBody && moved == null);
    }

    /** The connection has room for more. */
    void writable() {
        body.writable();
    }

    /** Stops writing. */
    void stop() {
        body.stop();
    }

    @Override
    public void write(ByteBuf piece) {
        ByteBuf bytes = piece;
        if (moved != null) {
            moved.accept(bytes.readableBytes());
        }
        if (isChunked) {
            String size = Integer.toHexString(bytes.readableBytes()) + "\r\n";
            bytes = Unpooled.wrappedBuffer(
                    Unpooled.wrappedBuffer(size.getBytes(StandardCharsets.ISO_8859_1)),
                    bytes,
                    Unpooled.wrappedBuffer(LINE_END));
        }
        context.write(bytes);
    }

    @Override
    public void flush() {
        context.flush();
    }

    @Override
    public boolean hasRoom() {
        return context.channel().isWritable();
    }

    @Override
    public void allWritten() {
        if (isChunked) {
            context.write(Unpooled.wrappedBuffer(LAST_CHUNK));
        }
        if (ended != null) {
            // An empty write, which completes after all earlier ones.
            context.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> ended.run());
        } else {
            context.flush();
        }
    }

    @Override
    public void bodyFailed(Throwable why) {
        failed.accept(why);
    }
}
