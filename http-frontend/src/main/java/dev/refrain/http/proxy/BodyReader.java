package dev.refrain.http.proxy;

import io.undertow.server.HttpServerExchange;
import java.io.IOException;
import java.nio.ByteBuffer;
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
    }

    private static final int FIRST_GUESS = 4096;

    private final StreamSourceChannel channel;
    private final int limit;
    private final Receiver receiver;
    private ByteBuffer buffer;

    private BodyReader(StreamSourceChannel channel, long contentLength, int limit, Receiver receiver) {
        this.channel = channel;
        this.limit = limit;
        this.receiver = receiver;
        // One byte more than announced, so that the end is seen without growing the buffer first.
        this.buffer = ByteBuffer.allocate((int) Math.min(limit, contentLength >= 0 ? contentLength : FIRST_GUESS) + 1);
    }

    /**
     * Starts reading; the receiver may be called before this returns.
     *
     * @param limit the longest body to hold, in bytes
     */
    static void read(HttpServerExchange exchange, int limit, Receiver receiver) {
        BodyReader reader =
                new BodyReader(exchange.getRequestChannel(), exchange.getRequestContentLength(), limit, receiver);
        reader.channel.getReadSetter().set(channel -> reader.advance());
        reader.advance();
    }

    private void advance() {
        try {
            while (true) {
                int count = channel.read(buffer);
                if (count == 0) {
                    channel.resumeReads();
                    return;
                }
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
            receiver.failed(e);
        }
    }
}
