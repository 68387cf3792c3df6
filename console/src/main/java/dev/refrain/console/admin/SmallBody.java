package dev.refrain.console.admin;

import dev.refrain.engine.memory.MemoryBudget;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import io.undertow.util.StatusCodes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.xnio.IoUtils;
import org.xnio.XnioExecutor;
import org.xnio.channels.StreamSourceChannel;

/**
 * Reads the short bodies that are sent to the admin listener. It allocates for the bytes that arrive, not for the
 * announced length. The bytes, and the memory that is needed to parse them, are reserved in the memory budget, within
 * this listener's share.
 */
final class SmallBody {
    /** The most time that a client may take to send a whole body. */
    static final int DEADLINE_SECONDS = 10;

    private static final int FIRST_BYTES = 4096;
    /** Memory that a parsed JSON document takes, in multiples of its length. */
    private static final int PARSED_FACTOR = 8;

    /** Called once, on the I/O thread. */
    interface Receiver {
        void complete(byte[] body);

        void refused(AdminException why);
    }

    private final HttpServerExchange exchange;
    private final StreamSourceChannel channel;
    private final int limit;
    private final MemoryBudget share;
    private final MemoryBudget memory;
    private final Receiver receiver;

    private ByteBuffer buffer = ByteBuffer.allocate(FIRST_BYTES);
    private long held;

    private SmallBody(
            HttpServerExchange exchange, int limit, MemoryBudget share, MemoryBudget memory, Receiver receiver) {
        this.exchange = exchange;
        this.channel = exchange.getRequestChannel();
        this.limit = limit;
        this.share = share;
        this.memory = memory;
        this.receiver = receiver;
    }

    /**
     * Closes the connection if the request's whole body has not arrived in time, even if no action reads it.
     *
     * @param seconds the most time for the whole body
     */
    static void watch(HttpServerExchange exchange, int seconds) {
        if (exchange.isRequestComplete()) {
            return;
        }
        XnioExecutor.Key late = exchange.getIoThread()
                .executeAfter(
                        () -> {
                            if (!exchange.isRequestComplete()) {
                                IoUtils.safeClose(exchange.getConnection());
                            }
                        },
                        seconds,
                        TimeUnit.SECONDS);
        exchange.addExchangeCompleteListener((completed, next) -> {
            late.remove();
            next.proceed();
        });
    }

    /**
     * Starts reading; the receiver may be called before this returns.
     *
     * @param limit the longest body, in bytes
     * @param share of the memory budget, for this listener
     */
    static void read(
            HttpServerExchange exchange, int limit, MemoryBudget share, MemoryBudget memory, Receiver receiver) {
        if (exchange.getRequestContentLength() > limit) {
            receiver.refused(tooLarge(limit));
            return;
        }
        SmallBody body = new SmallBody(exchange, limit, share, memory, receiver);
        exchange.addExchangeCompleteListener((completed, next) -> {
            body.release();
            next.proceed();
        });
        if (body.hold(FIRST_BYTES)) {
            body.channel.getReadSetter().set(ready -> body.advance());
            body.advance();
        } else {
            body.noRoom();
        }
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
                    end();
                    return;
                }
                if (buffer.position() > limit) {
                    channel.suspendReads();
                    receiver.refused(tooLarge(limit));
                    return;
                }
                if (!buffer.hasRemaining() && !grow()) {
                    channel.suspendReads();
                    noRoom();
                    return;
                }
            }
        } catch (IOException e) {
            channel.suspendReads();
            receiver.refused(new AdminException(StatusCodes.BAD_REQUEST, "The body broke off."));
        }
    }

    private boolean grow() {
        int capacity = 2 * buffer.capacity();
        if (!hold(capacity)) {
            return false;
        }
        buffer = ByteBuffer.allocate(capacity).put(buffer.flip());
        return true;
    }

    private void end() {
        byte[] body = new byte[buffer.position()];
        buffer.flip().get(body);
        if (hold((long) PARSED_FACTOR * body.length)) {
            receiver.complete(body);
        } else {
            noRoom();
        }
    }

    private boolean hold(long more) {
        if (!share.reserve(more)) {
            return false;
        }
        if (!memory.reserve(more)) {
            share.release(more);
            return false;
        }
        held += more;
        return true;
    }

    private void release() {
        share.release(held);
        memory.release(held);
        held = 0;
    }

    private void noRoom() {
        exchange.getResponseHeaders().put(Headers.RETRY_AFTER, 1);
        receiver.refused(new AdminException(
                StatusCodes.SERVICE_UNAVAILABLE, "There is no memory for this request now. Try again in a second."));
    }

    private static AdminException tooLarge(int limit) {
        return new AdminException(StatusCodes.REQUEST_ENTITY_TOO_LARGE, "The body is over " + limit + " bytes.");
    }
}
