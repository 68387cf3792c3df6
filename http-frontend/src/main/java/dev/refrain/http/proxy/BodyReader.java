package dev.refrain.http.proxy;

import io.undertow.server.HttpServerExchange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import org.xnio.channels.StreamSourceChannel;

/** Reads a request body into memory without blocking the I/O thread it runs on, as long as it stays within a limit. */
final class BodyReader {
    /** What came of it; called once, on the I/O thread. */
    interface Receiver {
        /** The body, whole. */
        void complete(byte[] body);

        /** The body is longer than the limit; the rest is still to be read from the channel. */
        void tooLong(byte[] beginning, StreamSourceChannel rest);

        /** The body cannot be had. What is left of it will not be read. */
        void failed(ProxyException why);
    }

    /** What a client says of its body's length does not cost more than this before the bytes come. */
    private static final int MAX_FIRST_GUESS = 64 * 1024;

    private static final int FIRST_GUESS = 4096;

    /**
     * What all requests together are held to.
     *
     * @param heap what bodies that are longer than most may take
     * @param timeout the longest wait for more of a body
     */
    record Patience(HeapShare heap, Duration timeout) {}

    private final HttpServerExchange exchange;
    private final StreamSourceChannel channel;
    private final int limit;
    private final Patience patience;
    private final Receiver receiver;
    private final WaitTimer timer;
    /** One byte more than needed, so that the end is seen without growing the buffer first. */
    private final int full;

    private ByteBuffer buffer;
    private long taken;

    private BodyReader(HttpServerExchange exchange, int limit, Patience patience, Receiver receiver) {
        this.exchange = exchange;
        this.channel = exchange.getRequestChannel();
        this.timer = new WaitTimer(
                exchange.getIoThread(),
                patience.timeout(),
                () -> fail(ProxyException.requestStalled(patience.timeout())));
        this.limit = limit;
        this.patience = patience;
        this.receiver = receiver;
        long contentLength = exchange.getRequestContentLength();
        this.full = (int) Math.min(limit, contentLength >= 0 ? contentLength : limit) + 1;
        this.buffer = ByteBuffer.allocate(Math.min(full, contentLength >= 0 ? MAX_FIRST_GUESS : FIRST_GUESS));
    }

    /**
     * Starts reading; the receiver may be called before this returns.
     *
     * @param limit the longest body to hold, in bytes
     */
    static void read(HttpServerExchange exchange, int limit, Patience patience, Receiver receiver) {
        BodyReader reader = new BodyReader(exchange, limit, patience, receiver);
        reader.channel.getReadSetter().set(channel -> reader.advance());
        reader.advance();
    }

    private void advance() {
        try {
            while (true) {
                int count = channel.read(buffer);
                if (count == 0) {
                    timer.start();
                    channel.resumeReads();
                    return;
                }
                timer.stop(Math.max(0, count));
                if (count < 0) {
                    channel.suspendReads();
                    receiver.complete(Arrays.copyOf(buffer.array(), buffer.position()));
                    return;
                }
                if (buffer.position() > limit) {
                    channel.suspendReads();
                    receiver.tooLong(Arrays.copyOf(buffer.array(), buffer.position()), channel);
                    return;
                }
                if (!buffer.hasRemaining() && !grow()) {
                    channel.suspendReads();
                    // The rest is thrown away as it comes, for most clients read no answer before they have sent it.
                    receiver.failed(ProxyException.noRoom());
                    return;
                }
            }
        } catch (IOException e) {
            timer.stop(0);
            fail(ProxyException.unreadable(e));
        }
    }

    private boolean grow() {
        int capacity = (int) Math.min(full, buffer.capacity() * 2L);
        if (capacity > MAX_FIRST_GUESS) {
            if (!patience.heap().take(capacity - taken)) {
                return false;
            }
            if (taken == 0) {
                exchange.addExchangeCompleteListener((completed, next) -> {
                    patience.heap().give(taken);
                    next.proceed();
                });
            }
            taken = capacity;
        }
        buffer = ByteBuffer.allocate(capacity).put(buffer.flip());
        return true;
    }

    private void fail(ProxyException why) {
        channel.suspendReads();
        // What is left of the body is not going to be read, so nothing can follow it.
        exchange.setPersistent(false);
        receiver.failed(why);
    }
}
