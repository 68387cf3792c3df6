package dev.refrain.http.upstream;

import dev.refrain.semantics.forward.RequestBody;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.util.concurrent.EventExecutor;
import java.nio.ByteBuffer;
import java.util.concurrent.Flow;
import java.util.concurrent.RejectedExecutionException;

/**
 * Sends a request's body, over any version of HTTP. Each piece is requested when the connection has room for more. A
 * body that is held in memory is written together with the head. Any other body comes from a client, which may be slow.
 *
 * <p>Used on the event loop only, except for the methods of a subscriber.
 */
final class BodySender implements Flow.Subscriber<ByteBuffer> {
    /** At most this many pieces of a streamed body are requested from the client at a time. */
    private static final int STREAMED_PIECES = 2;

    /** Receives the body. All methods are called on the event loop. */
    interface Out {
        void write(ByteBuf piece);

        void flush();

        /** Whether more may be written. */
        boolean hasRoom();

        /** The whole body has been written, and must be flushed. */
        void allWritten();

        /** The body has failed before its end. */
        void bodyFailed(Throwable why);
    }

    private final EventExecutor loop;
    private final RequestBody from;
    private final Out out;

    private Flow.Subscription body;
    private boolean sent;
    private boolean stopped;
    /** Pieces to request once there is room. */
    private int owed;

    /** @param from null if there is no body */
    BodySender(EventExecutor loop, RequestBody from, Out out) {
        this.loop = loop;
        this.from = from;
        this.out = out;
        this.sent = from == null;
    }

    /** Whether the whole body is in memory, so that it can be sent again. */
    boolean isHeld() {
        return from instanceof HeldBody;
    }

    /** Begins to send, if there is a body. */
    void start() {
        if (from != null) {
            from.subscribe(this);
        }
    }

    /** Whether the whole body has been written. */
    boolean isSent() {
        return sent;
    }

    /** Whether the body can be sent again: none of it has been requested yet, or all of it is in memory. */
    boolean isRepeatable() {
        return body == null || isHeld();
    }

    /** Requests the pieces that had to wait for room, if there is room now. */
    void writable() {
        if (owed > 0 && !stopped && out.hasRoom()) {
            int more = owed;
            owed = 0;
            body.request(more);
        }
    }

    /** Stops sending. */
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
        subscription.request(isHeld() ? 1 : STREAMED_PIECES);
    }

    @Override
    public void onNext(ByteBuffer piece) {
        onLoop(() -> write(piece));
    }

    @Override
    public void onComplete() {
        onLoop(() -> {
            if (!stopped) {
                sent = true;
                out.allWritten();
            }
        });
    }

    @Override
    public void onError(Throwable why) {
        // Reported later, since the caller of start() does not expect a failure during that call.
        later(() -> {
            if (!stopped) {
                out.bodyFailed(why);
            }
        });
    }

    private void onLoop(Runnable task) {
        if (loop.inEventLoop()) {
            task.run();
        } else {
            later(task);
        }
    }

    private void later(Runnable task) {
        try {
            loop.execute(task);
        } catch (RejectedExecutionException closing) {
            // The upstream client is closing, and breaks off all calls.
        }
    }

    private void write(ByteBuffer piece) {
        if (stopped) {
            return;
        }
        out.write(Unpooled.wrappedBuffer(piece));
        boolean hasRoom = out.hasRoom();
        if (!isHeld() || !hasRoom) {
            out.flush();
            hasRoom = out.hasRoom();
        }
        if (hasRoom) {
            body.request(1);
        } else {
            owed++;
        }
    }
}
