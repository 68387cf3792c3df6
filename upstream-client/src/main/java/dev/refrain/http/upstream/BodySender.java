package dev.refrain.http.upstream;

import dev.refrain.semantics.forward.RequestBody;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.util.concurrent.EventExecutor;
import java.nio.ByteBuffer;
import java.util.concurrent.Flow;
import java.util.concurrent.RejectedExecutionException;

/**
 * Sends a request's body, whatever version of HTTP carries it: each piece is asked for when its connection has room for
 * more. A body that is held in memory is written together with the head; another one comes from a client, which may
 * take its time.
 *
 * <p>The event loop's alone, but for what it hears as a subscriber.
 */
final class BodySender implements Flow.Subscriber<ByteBuffer> {
    /** Pieces of a body that are on their way from the client at a time. */
    private static final int STREAMED_PIECES = 2;

    /** Where the body goes. All of it is called on the event loop. */
    interface Out {
        void write(ByteBuf piece);

        void flush();

        /** Whether more may be written. */
        boolean hasRoom();

        /** All of it has been written; to be flushed. */
        void allWritten();

        /** There is no more of it, and it is not complete. */
        void bodyFailed(Throwable why);
    }

    private final EventExecutor loop;
    private final RequestBody from;
    private final Out out;

    private Flow.Subscription body;
    private boolean sent;
    private boolean stopped;
    /** Pieces that may be asked for once there is room. */
    private int owed;

    /** @param from null if there is no body */
    BodySender(EventExecutor loop, RequestBody from, Out out) {
        this.loop = loop;
        this.from = from;
        this.out = out;
        this.sent = from == null;
    }

    /** Whether all of it is in memory, so that it can be sent once more. */
    boolean isHeld() {
        return from instanceof HeldBody;
    }

    /** Begins, if there is a body. */
    void start() {
        if (from != null) {
            from.subscribe(this);
        }
    }

    /** Whether all of it has been written. */
    boolean isSent() {
        return sent;
    }

    /** Whether none of it has been asked for, or all of it is in memory. */
    boolean isRepeatable() {
        return body == null || isHeld();
    }

    /** There may be room for more. */
    void writable() {
        if (owed > 0 && !stopped && out.hasRoom()) {
            int more = owed;
            owed = 0;
            body.request(more);
        }
    }

    /** Sends no more. */
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
        // Never within start(), whose caller would not expect it.
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
            // All calls are broken off.
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
