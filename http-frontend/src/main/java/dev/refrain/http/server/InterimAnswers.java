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
 * Passes on answers ahead of the answer (RFC 9110, 15.2), which Undertow has no way for: they are written below it,
 * while it has nothing to write. A client may do without each of them, so one that the socket does not take is left
 * out.
 *
 * <p>The I/O thread's alone.
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

    /** Passes one on, unless the client would not understand it or has had enough of them. */
    void send(ResponseHead head) {
        // A client that waits for "100 Continue" has it from the proxy, when its body is wanted.
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
                // The kernel takes so little whole or not at all, but nothing promises that.
                throw new IOException("A part of an interim answer was written");
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
