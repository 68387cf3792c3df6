package dev.refrain.http.server;

import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.forward.RequestBody;
import io.undertow.server.HttpServerExchange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.Flow;
import org.xnio.channels.StreamSourceChannel;

/**
 * Streams a request body from a client to the upstream without holding it in memory: each piece is read from the client
 * when the upstream has room for it.
 *
 * <p>Used on the exchange's I/O thread only, except {@link #subscribe}, which the connection to the upstream calls.
 */
public final class StreamedBody implements RequestBody {
    private static final int PIECE = 16 * 1024;

    private final HttpServerExchange exchange;
    private final long contentLength;
    private final long limit;
    private final String limitSetting;
    private final StreamSourceChannel channel;
    private final WaitTimer timer;
    private final Runnable complete;

    private Flow.Subscriber<? super ByteBuffer> subscriber;
    private byte[] beginning;
    private long demand;
    private long sent;
    private boolean over;

    /**
     * @param beginning the part of the body that has been read already, or an empty array
     * @param rest the channel with the rest
     * @param limit longest body, in bytes; a longer one fails the request
     * @param limitSetting name of the setting for the limit
     * @param limits how long to wait for more of the body; a longer wait fails the request
     * @param complete runs on the I/O thread once the whole body has been read
     */
    public StreamedBody(
            HttpServerExchange exchange,
            byte[] beginning,
            StreamSourceChannel rest,
            long limit,
            String limitSetting,
            ClientLimits limits,
            Runnable complete) {
        this.complete = complete;
        this.timer = new WaitTimer(
                exchange.getIoThread(), limits, () -> fail(ProxyException.requestStalled(limits.timeout())));
        this.exchange = exchange;
        this.contentLength = exchange.getRequestContentLength();
        this.beginning = beginning;
        this.channel = rest;
        this.limit = limit;
        this.limitSetting = limitSetting;
    }

    @Override
    public long contentLength() {
        return contentLength;
    }

    @Override
    public void subscribe(Flow.Subscriber<? super ByteBuffer> target) {
        target.onSubscribe(new Flow.Subscription() {
            @Override
            public void request(long count) {
                exchange.getIoThread().execute(() -> {
                    subscriber = target;
                    demand += count;
                    pump();
                });
            }

            @Override
            public void cancel() {
                exchange.getIoThread().execute(() -> {
                    if (!over) {
                        over = true;
                        timer.stop(0);
                        channel.suspendReads();
                    }
                });
            }
        });
    }

    private void pump() {
        if (over) {
            return;
        }
        if (beginning.length > 0 && demand > 0) {
            byte[] first = beginning;
            beginning = new byte[0];
            pass(ByteBuffer.wrap(first));
        }
        try {
            while (demand > 0 && !over) {
                // Not reused: the connection may keep the piece until it is written.
                ByteBuffer piece = ByteBuffer.allocate(PIECE);
                int count = channel.read(piece);
                if (count != 0) {
                    timer.stop(Math.max(0, count));
                }
                if (count < 0) {
                    over = true;
                    channel.suspendReads();
                    subscriber.onComplete();
                    complete.run();
                    return;
                } else if (count == 0) {
                    timer.start();
                    PromptAcks.send(exchange);
                    channel.getReadSetter().set(ready -> pump());
                    channel.resumeReads();
                    return;
                } else {
                    pass(piece.flip());
                }
            }
            channel.suspendReads();
        } catch (IOException e) {
            timer.stop(0);
            fail(ProxyException.unreadable(e));
        }
    }

    private void fail(ProxyException why) {
        over = true;
        channel.suspendReads();
        // The rest of the body will not be read, so no request can follow it.
        exchange.setPersistent(false);
        subscriber.onError(why);
    }

    private void pass(ByteBuffer piece) {
        sent += piece.remaining();
        if (sent > limit) {
            over = true;
            channel.suspendReads();
            subscriber.onError(ProxyException.bodyTooLarge(limit, limitSetting));
            return;
        }
        demand--;
        subscriber.onNext(piece);
    }
}
