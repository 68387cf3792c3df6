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

        /** The client broke off. */
        void failed(IOException cause);

        /** The client sent nothing more for too long. */
        void stalled();
    }

    private static final int FIRST_GUESS = 4096;

    private final StreamSourceChannel channel;
    private final int limit;
    private final Receiver receiver;
    private final ReadTimer timer;
    private ByteBuffer buffer;

    private BodyReader(HttpServerExchange exchange, int limit, Duration timeout, Receiver receiver) {
        this.channel = exchange.getRequestChannel();
        this.timer = new ReadTimer(exchange.getIoThread(), timeout, this::stalled);
        long contentLength = exchange.getRequestContentLength();
        this.limit = limit;
        this.receiver = receiver;
        // One byte more than announced, so that the end is seen without growing the buffer first.
        this.buffer = ByteBuffer.allocate((int) Math.min(limit, contentLength >= 0 ? contentLength : FIRST_GUESS) + 1);
    }

    /**
     * Starts reading; the receiver may be called before this returns.
     *
     * @param limit the longest body to hold, in bytes
     * @param timeout the longest wait for more of it
     */
    static void read(HttpServerExchange exchange, int limit, Duration timeout, Receiver receiver) {
        BodyReader reader = new BodyReader(exchange, limit, timeout, receiver);
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
                timer.stop();
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
                if (!buffer.hasRemaining()) {
                    buffer = ByteBuffer.allocate((int) Math.min(limit + 1L, buffer.capacity() * 2L))
                            .put(buffer.flip());
                }
            }
        } catch (IOException e) {
            timer.stop();
            receiver.failed(e);
        }
    }

    private void stalled() {
        channel.suspendReads();
        receiver.stalled();
    }
}
