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
 * Acknowledges the first part of a request at once. A client that leaves Nagle's algorithm on (RFC 9293, section 3.7.4)
 * sends the last part only after the acknowledgment, which the system delays by 40 ms (section 3.8.6.3). OkHttp is such
 * a client, and with it the vendors' SDKs for Java: a hit for a request of more than 8 KiB took 43 ms there.
 *
 * <p>The system may reset the option at any time (tcp(7), {@code TCP_QUICKACK}), so it is set before each wait for a
 * part of a request. XNIO does not offer the option, so XNIO's channel is reached by reflection. Only Linux has {@code
 * TCP_QUICKACK}; elsewhere nothing is done.
 */
final class PromptAcks {
    private static final Logger LOG = LoggerFactory.getLogger(PromptAcks.class);

    /** Gets a connection's socket; null if this version of XNIO has no such method. */
    private static final MethodHandle SOCKET = find();
    /** Gets the connection below one with TLS; null if that is not possible. */
    private static final MethodHandle BELOW = SOCKET == null ? null : findBelow();

    private PromptAcks() {}

    private static MethodHandle find() {
        try {
            Class<?> type = Class.forName("org.xnio.nio.NioSocketStreamConnection");
            return MethodHandles.privateLookupIn(type, MethodHandles.lookup())
                    .findVirtual(type, "getChannel", MethodType.methodType(SocketChannel.class))
                    .asType(MethodType.methodType(SocketChannel.class, StreamConnection.class));
        } catch (ReflectiveOperationException | RuntimeException e) {
            LOG.warn(
                    "Requests of more than 8 KiB take 40 ms longer with some clients: {}. "
                            + "Use refrain.jar as it was built",
                    e.toString());
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
            LOG.warn(
                    "Requests of more than 8 KiB by TLS take 40 ms longer with some clients: {}. "
                            + "Use refrain.jar as it was built",
                    e.toString());
            return null;
        }
    }

    /**
     * Makes the system acknowledge at once. To be called before a wait for the rest of a request, on the connection's
     * I/O thread.
     */
    static void send(HttpServerExchange exchange) {
        if (SOCKET != null
                && exchange.getConnection() instanceof HttpServerConnection connection
                && !Http2Listener.isStream(connection.getChannel())) {
            try {
                socket(connection.getChannel()).setOption(ExtendedSocketOptions.TCP_QUICKACK, true);
            } catch (IOException | UnsupportedOperationException | ClassCastException closedOrNotPossible) {
                // If the connection is closed, the next read notices. Any other failure only costs time.
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
