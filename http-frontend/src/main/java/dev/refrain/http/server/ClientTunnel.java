package dev.refrain.http.server;

import dev.refrain.semantics.forward.RequestBody;
import io.undertow.connector.PooledByteBuffer;
import io.undertow.server.HttpServerExchange;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.Flow;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.xnio.ChannelListeners;
import org.xnio.IoUtils;
import org.xnio.StreamConnection;
import org.xnio.XnioExecutor;
import org.xnio.conduits.ConduitStreamSinkChannel;
import org.xnio.conduits.ConduitStreamSourceChannel;

/**
 * A client's connection after it has been upgraded from HTTP (RFC 9110, 7.8). Publishes the client's bytes to the
 * provider's connection: each piece is read when the provider's connection has room for it.
 *
 * <p>Each side may end its direction while the other goes on sending. Once the provider has ended its direction, the
 * client has {@link #LINGER_SECONDS} to end its own.
 *
 * <p>Used on the I/O thread only, except {@link #subscribe} and the subscription.
 */
final class ClientTunnel implements RequestBody, Flow.Subscription {
    private static final long LINGER_SECONDS = 30;

    private final HttpServerExchange exchange;
    private ConduitStreamSourceChannel source;
    private Flow.Subscriber<? super ByteBuffer> subscriber;
    private long demand;
    /** Whether the direction to the provider has ended. */
    private boolean over;
    /** Whether the direction from the provider has ended. */
    private boolean answered;

    private XnioExecutor.Key linger;

    ClientTunnel(HttpServerExchange exchange) {
        this.exchange = exchange;
    }

    /**
     * Sends the answer that grants the upgrade, and takes the connection over.
     *
     * @param opened receives the channel to write to, as soon as the answer's head is written
     * @param gone runs when the connection is closed
     */
    void open(Consumer<ConduitStreamSinkChannel> opened, Runnable gone) {
        exchange.setPersistent(true);
        exchange.upgradeChannel((connection, of) -> {
            ClientWatch.onClose(exchange.getConnection(), () -> {
                fail(new EOFException("The client closed the connection"));
                gone.run();
            });
            opened.accept(connection.getSinkChannel());
            begin(connection);
        });
        exchange.endExchange();
    }

    private void begin(StreamConnection connection) {
        source = connection.getSourceChannel();
        source.setReadListener(ready -> pump());
        pump();
    }

    @Override
    public long contentLength() {
        return -1;
    }

    @Override
    public void subscribe(Flow.Subscriber<? super ByteBuffer> target) {
        run(() -> subscriber = target);
        target.onSubscribe(this);
    }

    @Override
    public void request(long count) {
        run(() -> {
            demand += count;
            pump();
        });
    }

    @Override
    public void cancel() {
        run(() -> {
            if (!over) {
                ended();
            }
        });
    }

    private void run(Runnable task) {
        try {
            exchange.getIoThread().execute(task);
        } catch (RejectedExecutionException stopping) {
            // All connections are being closed.
        }
    }

    private void pump() {
        if (over || source == null || subscriber == null) {
            return;
        }
        PooledByteBuffer pooled = exchange.getConnection().getByteBufferPool().allocate();
        try {
            ByteBuffer buffer = pooled.getBuffer();
            while (demand > 0 && !over) {
                buffer.clear();
                int count = source.read(buffer);
                if (count < 0) {
                    ended();
                    subscriber.onComplete();
                } else if (count == 0) {
                    source.resumeReads();
                    return;
                } else {
                    demand--;
                    subscriber.onNext(Backlog.copy(buffer.flip()));
                }
            }
            source.suspendReads();
        } catch (IOException reset) {
            fail(reset);
            IoUtils.safeClose(exchange.getConnection());
        } finally {
            pooled.close();
        }
    }

    private void ended() {
        over = true;
        if (source != null) {
            source.suspendReads();
        }
        if (answered) {
            close();
        }
    }

    private void fail(IOException why) {
        if (!over) {
            ended();
            if (subscriber != null) {
                subscriber.onError(why);
            }
        }
        stopLingering();
    }

    /** The provider has ended its direction, and all its bytes are written to the client's channel. */
    void answered(ConduitStreamSinkChannel sink) throws IOException {
        sink.shutdownWrites();
        if (sink.flush()) {
            linger();
            return;
        }
        sink.setWriteListener(ChannelListeners.flushingChannelListener(
                flushed -> {
                    stopLingering();
                    linger();
                },
                (broken, why) -> close()));
        sink.resumeWrites();
        lingering();
    }

    /** The client has everything from the provider, and may still send. */
    private void linger() {
        answered = true;
        if (over) {
            close();
        } else {
            lingering();
        }
    }

    private void lingering() {
        linger = exchange.getIoThread().executeAfter(this::close, LINGER_SECONDS, TimeUnit.SECONDS);
    }

    private void close() {
        stopLingering();
        IoUtils.safeClose(exchange.getConnection());
    }

    private void stopLingering() {
        if (linger != null) {
            linger.remove();
            linger = null;
        }
    }
}
