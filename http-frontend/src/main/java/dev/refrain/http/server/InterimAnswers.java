package dev.refrain.http.server;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.semantics.forward.AnswerFields;
import dev.refrain.semantics.forward.ForwardedFields;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.protocol.http.HttpServerConnection;
import io.undertow.util.Headers;
import io.undertow.util.Protocols;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.xnio.IoUtils;

/**
 * Passes on interim answers (RFC 9110, 15.2). Undertow cannot send them, so they are written to the conduit below it,
 * while it writes nothing. Clients do not depend on them, so one that the socket does not take is dropped.
 *
 * <p>Used on the I/O thread only.
 */
final class InterimAnswers {
    private static final int MOST = 16;
    private static final int MOST_BYTES = 16 * 1024;
    private static final int CONTINUE = 100;

    private final HttpServerExchange exchange;
    private int count;

    InterimAnswers(HttpServerExchange exchange) {
        this.exchange = exchange;
    }

    /**
     * Passes on an interim answer, unless it is too long, the client's version of HTTP has none, or the client has got
     * too many.
     */
    void send(ResponseHead head) {
        // The proxy itself sends "100 Continue", when it wants the body.
        boolean isOurs =
                head.status() == CONTINUE && exchange.getRequestHeaders().contains(Headers.EXPECT);
        if (!exchange.getProtocol().equals(Protocols.HTTP_1_1) || isOurs || ++count > MOST) {
            return;
        }
        ByteBuffer bytes = ByteBuffer.wrap(text(head).getBytes(StandardCharsets.ISO_8859_1));
        if (bytes.remaining() > MOST_BYTES) {
            return;
        }
        try {
            int written = ((HttpServerConnection) exchange.getConnection())
                    .getOriginalSinkConduit()
                    .write(bytes);
            if (written > 0 && bytes.hasRemaining()) {
                // In practice the kernel takes so few bytes whole or not at all, but nothing guarantees it.
                throw new IOException("Only a part of an interim answer could be written");
            }
        } catch (IOException e) {
            IoUtils.safeClose(exchange.getConnection());
        }
    }

    private static String text(ResponseHead head) {
        StringBuilder text =
                new StringBuilder("HTTP/1.1 ").append(head.status()).append(' ');
        if (head.fields() instanceof AnswerFields ofProvider) {
            text.append(ofProvider.reason());
        }
        text.append("\r\n");
        ForwardedFields.toClient(head.fields(), false, (name, lines) -> {
            for (String line : lines) {
                text.append(name).append(": ").append(line).append("\r\n");
            }
        });
        return text.append("\r\n").toString();
    }
}
