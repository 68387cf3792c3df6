package dev.refrain.http.server;

import io.undertow.connector.PooledByteBuffer;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.ServerConnection;
import io.undertow.server.protocol.http.HttpServerConnection;
import io.undertow.util.AttachmentKey;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.xnio.conduits.ConduitStreamSourceChannel;
import org.xnio.conduits.StreamSourceConduit;

/**
 * Notices that a client leaves: always when the connection is closed, and if asked, also when the client closes its
 * side while it waits for an answer. No failing write would show the latter.
 *
 * <p>A client that has left and a client that has only finished sending look the same. So only requests whose answer
 * nobody else gets are watched. For them the end of the client's data counts as leaving, as in nginx and Go's server.
 * If data arrive instead, they are the next request: the watch puts them back and ends.
 *
 * <p>Used on the I/O thread only.
 */
public final class ClientWatch {
    /** The close action of the request that a connection is answering. HTTP/1.1 answers one request at a time. */
    private static final AttachmentKey<AtomicReference<Runnable>> CURRENT = AttachmentKey.create(AtomicReference.class);

    private final HttpServerConnection connection;
    private final ConduitStreamSourceChannel channel;
    private final StreamSourceConduit source;
    private final BooleanSupplier answered;
    private final Runnable gone;

    private ClientWatch(HttpServerConnection connection, BooleanSupplier answered, Runnable gone) {
        this.connection = connection;
        this.answered = answered;
        this.channel = connection.getChannel().getSourceChannel();
        this.source = connection.getOriginalSourceConduit();
        this.gone = gone;
    }

    /** Runs the action when the connection is closed, unless a later request has set another action by then. */
    public static void onClose(ServerConnection connection, Runnable closed) {
        AtomicReference<Runnable> current = connection.getAttachment(CURRENT);
        if (current == null) {
            // One listener for each connection and not for each request, because close listeners cannot be removed.
            AtomicReference<Runnable> watched = new AtomicReference<>();
            connection.addCloseListener(ended -> {
                Runnable last = watched.getAndSet(null);
                if (last != null) {
                    last.run();
                }
            });
            connection.putAttachment(CURRENT, watched);
            current = watched;
        }
        current.set(closed);
    }

    /** The request is over. Drops the actions, and with them the request and its credentials (wire rule W15). */
    public static void forget(ServerConnection connection) {
        AtomicReference<Runnable> current = connection.getAttachment(CURRENT);
        if (current != null) {
            current.set(null);
        }
    }

    /**
     * Watches the client of an exchange whose request has been read to its end. The watch must be stopped before the
     * exchange is over. Returns null if bytes of a next request have been read already.
     */
    static ClientWatch start(HttpServerExchange exchange, Runnable gone) {
        return start(exchange, () -> false, gone);
    }

    /**
     * Watches the client of an exchange whose answer another thread may write.
     *
     * @param answered whether the answer may have been sent. Later data are the next request and must not be read
     */
    static ClientWatch start(HttpServerExchange exchange, BooleanSupplier answered, Runnable gone) {
        HttpServerConnection connection = (HttpServerConnection) exchange.getConnection();
        if (connection.getExtraBytes() != null) {
            return null;
        }
        ClientWatch watch = new ClientWatch(connection, answered, gone);
        watch.channel.setReadListener(ready -> watch.onReadable());
        // Not through the channel, whose conduits have reached the end of the request's body.
        watch.source.resumeReads();
        return watch;
    }

    private void onReadable() {
        if (answered.getAsBoolean()) {
            stop();
            return;
        }
        PooledByteBuffer pooled = connection.getByteBufferPool().allocate();
        boolean putBack = false;
        try {
            ByteBuffer buffer = pooled.getBuffer();
            int count = source.read(buffer);
            if (count == 0) {
                return;
            }
            stop();
            if (count > 0) {
                putBack = true;
                buffer.flip();
                connection.ungetRequestBytes(pooled);
            } else {
                gone.run();
            }
        } catch (IOException reset) {
            stop();
            gone.run();
        } finally {
            if (!putBack) {
                pooled.close();
            }
        }
    }

    /** Stops watching. Must be called before the exchange is over. */
    void stop() {
        source.suspendReads();
        channel.setReadListener(null);
    }
}
