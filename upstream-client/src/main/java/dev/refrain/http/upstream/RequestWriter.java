package dev.refrain.http.upstream;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/** Writes a request over HTTP/1.1. The event loop's alone. */
final class RequestWriter implements BodySender.Out {
    private static final byte[] LAST_CHUNK = {'0', '\r', '\n', '\r', '\n'};
    private static final byte[] LINE_END = {'\r', '\n'};

    private final ChannelHandlerContext context;
    private final UpstreamRequest request;
    /** The proxy that gets the request in place of the provider; null for none. */
    private final ProxyRules.Proxy via;

    private final Consumer<Throwable> failed;
    private final BodySender body;
    /** Whether there is more to be sent than the head, before there is a websocket. */
    private final boolean hasBody;

    private boolean isChunked;
    /** Hears of what is sent over a websocket; null before there is one. */
    private IntConsumer moved;
    /** Runs when the client has sent all that there is over a websocket. */
    private Runnable ended;

    /**
     * @param via the proxy that gets the request in place of the provider; null for none
     * @param failed hears on the event loop why there is no more of the body, unless it has been stopped
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
     * Begins.
     *
     * @return why not so much as the head was written, so that nobody can have acted on it; null if it was, or is
     *     waiting to be
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
        // RFC 9112, 3.2.2: absolute for a proxy.
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
     * The provider has agreed to a websocket: what the client sends goes out as it comes.
     *
     * @param moved hears how many bytes do, on the event loop
     * @param ended runs on the event loop once the client has ended and all of it is written
     */
    void switchProtocols(IntConsumer moved, Runnable ended) {
        this.moved = moved;
        this.ended = ended;
        body.start();
    }

    /** Whether all of the request has been written, and all that goes over a websocket. */
    boolean isSent() {
        return body.isSent() || (!hasBody && moved == null);
    }

    /** There is room for more. */
    void writable() {
        body.writable();
    }

    /** Writes no more. */
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
            // Behind what is still to be written.
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
