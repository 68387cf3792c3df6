package dev.refrain.http.upstream;

import dev.refrain.semantics.forward.RequestBody;
import java.nio.ByteBuffer;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicLong;

/** A request body that is held in memory, and published to the upstream piece by piece. Thread-safe. */
public final class HeldBody implements RequestBody {
    private static final int PIECE = 16 * 1024;

    private final byte[] body;

    /** @param body must not be changed afterwards */
    public HeldBody(byte[] body) {
        this.body = body;
    }

    /** The whole body; must not be changed. */
    public byte[] bytes() {
        return body;
    }

    @Override
    public long contentLength() {
        return body.length;
    }

    @Override
    public void subscribe(Flow.Subscriber<? super ByteBuffer> subscriber) {
        subscriber.onSubscribe(new Sending(subscriber));
    }

    /** One subscriber's place in the body. */
    private final class Sending implements Flow.Subscription {
        private final Flow.Subscriber<? super ByteBuffer> subscriber;
        /**
         * Number of pieces requested but not passed on. The thread that raises the number from zero serves later
         * requests, too.
         */
        private final AtomicLong demand = new AtomicLong();

        private int at;
        private volatile boolean over;

        Sending(Flow.Subscriber<? super ByteBuffer> subscriber) {
            this.subscriber = subscriber;
        }

        @Override
        public void request(long count) {
            if (count <= 0) {
                over = true;
                subscriber.onError(new IllegalArgumentException("asked for " + count + " pieces"));
            } else if (demand.getAndAdd(Math.min(count, Integer.MAX_VALUE)) == 0) {
                do {
                    next();
                } while (demand.decrementAndGet() > 0);
            }
        }

        private void next() {
            if (over) {
                return;
            }
            int length = Math.min(PIECE, body.length - at);
            if (length > 0) {
                at += length;
                subscriber.onNext(ByteBuffer.wrap(body, at - length, length).slice());
            }
            if (at == body.length && !over) {
                over = true;
                subscriber.onComplete();
            }
        }

        @Override
        public void cancel() {
            over = true;
        }
    }
}
