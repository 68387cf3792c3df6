package dev.refrain.http.upstream;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Flow;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/**
 * Writes a request over HTTP/1.1, as its connection takes it. A body that is held in memory is written together with
 * the head; another one comes from a client, which may take its time.
 *
 * <p>The event loop's alone, but for what it hears as a subscriber.
 */
final class RequestWriter implements Flow.Subscriber<ByteBuffer> {
    private static final byte[] LAST_CHUNK = {'0', '\r', '\n', '\r', '\n'};
    private static final byte[] LINE_END = {'\r', '\n'};
    /** Pieces of a body that are on their way from the client at a time. */
    private static final int STREAMED_PIECES = 2;

    private final ChannelHandlerContext context;
    private final UpstreamRequest request;
    /** The proxy that gets the request in place of the provider; null for none. */
    private final ProxyRules.Proxy via;

    private final Consumer<Throwable> failed;
    private final boolean isHeld;
    private boolean isChunked;
    /** Hears of what is sent over a websocket; null before there is one. */
    private IntConsumer moved;
    /** Runs when the client has sent all that there is over a websocket. */
    private Runnable ended;

    private Flow.Subscription body;
    private boolean sent;
    private boolean stopped;
    /** Pieces that are not asked for until there is room. */
    private int owed;

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
        this.isHeld = request.body() instanceof HeldBody;
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
        if (request.body() == null || request.isForWebSocket()) {
            sent = true;
            context.flush();
        } else {
            if (!isHeld) {
                context.flush();
            }
            if (!isLost(head, before)) {
                request.body().subscribe(this);
            }
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
        } else if (request.body() != null) {
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
        sent = false;
        request.body().subscribe(this);
    }

    /** Whether all of it has been written. */
    boolean isSent() {
        return sent;
    }

    /** There is room for more. */
    void writable() {
        if (owed > 0 && !stopped) {
            int more = owed;
            owed = 0;
            body.request(more);
        }
    }

    /** Writes no more. */
    void stop() {
        if (!stopped) {
            stopped = true;
            if (body != null && !sent) {
                body.cancel();
            }
        }
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
        body = subscription;
        subscription.request(isHeld ? 1 : STREAMED_PIECES);
    }

    @Override
    public void onNext(ByteBuffer piece) {
        onLoop(() -> write(piece));
    }

    @Override
    public void onComplete() {
        onLoop(this::complete);
    }

    @Override
    public void onError(Throwable why) {
        // Never within send(), which its caller would not expect.
        later(() -> {
            if (!stopped) {
                failed.accept(why);
            }
        });
    }

    private void onLoop(Runnable task) {
        if (context.executor().inEventLoop()) {
            task.run();
        } else {
            later(task);
        }
    }

    private void later(Runnable task) {
        try {
            context.executor().execute(task);
        } catch (RejectedExecutionException closing) {
            // All calls are broken off.
        }
    }

    private void write(ByteBuffer piece) {
        if (stopped) {
            return;
        }
        ByteBuf bytes = Unpooled.wrappedBuffer(piece);
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
        boolean hasRoom = context.channel().isWritable();
        if (!isHeld || !hasRoom) {
            context.flush();
            hasRoom = context.channel().isWritable();
        }
        if (hasRoom) {
            body.request(1);
        } else {
            owed++;
        }
    }

    private void complete() {
        if (!stopped) {
            sent = true;
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
    }
}
