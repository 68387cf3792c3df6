package dev.refrain.http.server;

import dev.refrain.http2.Http2Listener;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.protocol.http.HttpServerConnection;
import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.channels.SocketChannel;
import jdk.net.ExtendedSocketOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xnio.StreamConnection;
import org.xnio.ssl.SslConnection;

/**
 * Tells a client at once that the first part of its request has come. A client that leaves Nagle's algorithm on (RFC
 * 9293, section 3.7.4) sends the last part only then, and the system waits 40 ms with the acknowledgment (delayed
 * acknowledgments, section 3.8.6.3). OkHttp is such a client, and with it the vendors' SDKs for Java: a hit for a
 * request of more than 8 KiB took 43 ms there.
 *
 * <p>The system forgets the option as soon as it likes (tcp(7), {@code TCP_QUICKACK}), so it is set whenever a part of
 * a request is waited for. XNIO has no such option, so its channel is reached by reflection. On a system without
 * {@code TCP_QUICKACK}, which is every system but Linux, nothing is done.
 */
final class PromptAcks {
    private static final Logger LOG = LoggerFactory.getLogger(PromptAcks.class);

    /** From a connection to its socket; null if XNIO is not as expected. */
    private static final MethodHandle SOCKET = find();
    /** From a connection with TLS to the one below it. */
    private static final MethodHandle BELOW = SOCKET == null ? null : findBelow();

    private PromptAcks() {}

    private static MethodHandle find() {
        try {
            Class<?> type = Class.forName("org.xnio.nio.NioSocketStreamConnection");
            return MethodHandles.privateLookupIn(type, MethodHandles.lookup())
                    .findVirtual(type, "getChannel", MethodType.methodType(SocketChannel.class))
                    .asType(MethodType.methodType(SocketChannel.class, StreamConnection.class));
        } catch (ReflectiveOperationException | RuntimeException e) {
            LOG.warn("Requests of more than 8 KiB take 40 ms longer with some clients: {}", e.toString());
            return null;
        }
    }

    private static MethodHandle findBelow() {
        try {
            Class<?> type = Class.forName("io.undertow.protocols.ssl.UndertowSslConnection");
            return MethodHandles.privateLookupIn(type, MethodHandles.lookup())
                    .findGetter(type, "delegate", StreamConnection.class)
                    .asType(MethodType.methodType(StreamConnection.class, StreamConnection.class));
        } catch (ReflectiveOperationException | RuntimeException e) {
            LOG.warn("Requests of more than 8 KiB by TLS take 40 ms longer with some clients: {}", e.toString());
            return null;
        }
    }

    /** The rest of the request is waited for; on the connection's I/O thread. */
    static void send(HttpServerExchange exchange) {
        if (SOCKET != null
                && exchange.getConnection() instanceof HttpServerConnection connection
                && !Http2Listener.isStream(connection.getChannel())) {
            try {
                socket(connection.getChannel()).setOption(ExtendedSocketOptions.TCP_QUICKACK, true);
            } catch (IOException | UnsupportedOperationException | ClassCastException closedOrNotPossible) {
                // If the connection is closed, the next read finds out. Anything else costs time only.
            }
        }
    }

    private static SocketChannel socket(StreamConnection connection) {
        try {
            StreamConnection plain = connection instanceof SslConnection && BELOW != null
                    ? (StreamConnection) BELOW.invokeExact(connection)
                    : connection;
            return (SocketChannel) SOCKET.invokeExact(plain);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
