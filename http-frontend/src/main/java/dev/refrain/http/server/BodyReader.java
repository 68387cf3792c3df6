package dev.refrain.http.server;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.answer.ProxyException;
import io.undertow.server.HttpServerExchange;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.xnio.channels.StreamSourceChannel;

/** Reads a request body up to a limit into memory, without blocking the I/O thread that it runs on. */
public final class BodyReader {
    /** Receives the result; one of the methods is called once, on the I/O thread. */
    public interface Receiver {
        /** The whole body. */
        void complete(byte[] body);

        /** The body is longer than the limit; the rest is still to be read from the channel. */
        void tooLong(byte[] beginning, StreamSourceChannel rest);

        /** The body cannot be read. The rest of it will not be read. */
        void failed(ProxyException why);
    }

    /** At most this many bytes are allocated for an announced length before the bytes arrive. */
    private static final int MAX_FIRST_GUESS = 64 * 1024;

    private static final int FIRST_GUESS = 4096;

    private final HttpServerExchange exchange;
    private final StreamSourceChannel channel;
    private final int limit;
    private final ClientLimits limits;
    private final Receiver receiver;
    private final WaitTimer timer;
    /** Bytes of the full buffer: one more than needed, so that the end is seen without growing the buffer again. */
    private final int full;

    private final MemoryBudget.Reservation held;
    private ByteBuffer buffer;

    private BodyReader(
            HttpServerExchange exchange,
            int limit,
            ClientLimits limits,
            MemoryBudget.Reservation held,
            Receiver receiver) {
        this.exchange = exchange;
        this.channel = exchange.getRequestChannel();
        this.timer = new WaitTimer(
                exchange.getIoThread(), limits, () -> fail(ProxyException.requestStalled(limits.timeout())));
        this.limit = limit;
        this.limits = limits;
        this.receiver = receiver;
        long contentLength = exchange.getRequestContentLength();
        this.held = held;
        this.full = (int) Math.min(limit, contentLength >= 0 ? contentLength : limit) + 1;
    }

    private int firstGuess() {
        return Math.min(full, exchange.getRequestContentLength() >= 0 ? MAX_FIRST_GUESS : FIRST_GUESS);
    }

    /**
     * Starts reading; the receiver may be called before this returns.
     *
     * @param limit the longest body to hold, in bytes
     * @param held reservation for the body. The caller who opened it closes it when nobody uses the body any more
     */
    public static void read(
            HttpServerExchange exchange,
            int limit,
            ClientLimits limits,
            MemoryBudget.Reservation held,
            Receiver receiver) {
        BodyReader reader = new BodyReader(exchange, limit, limits, held, receiver);
        if (!reader.grow(reader.firstGuess())) {
            reader.refuse();
            return;
        }
        reader.channel.getReadSetter().set(channel -> reader.advance());
        reader.advance();
    }

    private void advance() {
        try {
            while (true) {
                int count = channel.read(buffer);
                if (count == 0) {
                    timer.start();
                    PromptAcks.send(exchange);
                    channel.resumeReads();
                    return;
                }
                timer.stop(Math.max(0, count));
                if (count < 0) {
                    channel.suspendReads();
                    byte[] body = exact();
                    if (body == null) {
                        refuse();
                    } else {
                        receiver.complete(body);
                    }
                    return;
                }
                if (buffer.position() > limit) {
                    channel.suspendReads();
                    byte[] beginning = exact();
                    if (beginning == null) {
                        refuse();
                    } else {
                        receiver.tooLong(beginning, channel);
                    }
                    return;
                }
                if (!buffer.hasRemaining() && !grow((int) Math.min(full, buffer.capacity() * 2L))) {
                    channel.suspendReads();
                    refuse();
                    return;
                }
            }
        } catch (IOException e) {
            timer.stop(0);
            fail(ProxyException.unreadable(e));
        }
    }

    /** The bytes read, in an array of exact length to keep for the request; null if there is no room for it. */
    private byte[] exact() {
        int length = buffer.position();
        int capacity = buffer.capacity();
        if (!held.grow(length)) {
            return null;
        }
        byte[] body = new byte[length];
        buffer.flip().get(body);
        buffer = null;
        held.shrink(capacity);
        return body;
    }

    /** Refuses the body. The rest is discarded as it arrives: most clients send all before they read an answer. */
    private void refuse() {
        buffer = null;
        limits.slowClients().makeRoom();
        receiver.failed(ProxyException.noRoom());
    }

    /** Grows the buffer. Reserves the new array beside the old one, since both exist for a moment. */
    private boolean grow(int capacity) {
        if (!held.grow(capacity)) {
            return false;
        }
        ByteBuffer larger = ByteBuffer.allocate(capacity);
        if (buffer != null) {
            larger.put(buffer.flip());
            held.shrink(buffer.capacity());
        }
        buffer = larger;
        return true;
    }

    private void fail(ProxyException why) {
        buffer = null;
        channel.suspendReads();
        // The rest of the body will not be read, so no request can follow it.
        exchange.setPersistent(false);
        receiver.failed(why);
    }
}
