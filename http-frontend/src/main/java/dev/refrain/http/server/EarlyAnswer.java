package dev.refrain.http.server;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.answer.ProxyException;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.protocol.http.HttpContinue;
import io.undertow.util.Headers;
import java.util.function.Consumer;
import org.xnio.channels.StreamSourceChannel;

/**
 * Gives answers that do not depend on the request's body. The end of a chunked body is found only by reading, so such a
 * body is read first. A malformed body gets an error, and nothing in it is taken for another request.
 */
public final class EarlyAnswer {
    /** The longest unwanted body that is read to its end, in bytes. */
    private static final int LONGEST = 64 * 1024;

    private EarlyAnswer() {}

    /**
     * Reads the body if it is chunked, then answers. Must be called on the I/O thread, with the exchange dispatched.
     *
     * @param answer called once, on the I/O thread, with the body's error, or null. After an error the connection is
     *     closed behind the answer
     */
    public static void once(HttpServerExchange exchange, ClientLimits limits, Consumer<ProxyException> answer) {
        if (exchange.getRequestHeaders().contains(Headers.TRANSFER_ENCODING)) {
            onceRead(exchange, limits, answer);
        } else {
            answer.accept(null);
        }
    }

    /** Reads any body, chunked or of known length, then answers. */
    static void onceRead(HttpServerExchange exchange, ClientLimits limits, Consumer<ProxyException> answer) {
        if (exchange.isRequestComplete()) {
            answer.accept(null);
            return;
        }
        if (HttpContinue.requiresContinueResponse(exchange)) {
            // The client waits for "100 Continue". After any other answer it may or may not send the body, so the
            // connection cannot be reused.
            exchange.setPersistent(false);
            answer.accept(null);
            return;
        }
        MemoryBudget.Reservation held = limits.memory().open();
        BodyReader.read(exchange, LONGEST, limits, held, new BodyReader.Receiver() {
            @Override
            public void complete(byte[] body) {
                held.close();
                answer.accept(null);
            }

            @Override
            public void tooLong(byte[] beginning, StreamSourceChannel rest) {
                held.close();
                exchange.setPersistent(false);
                answer.accept(ProxyException.bodyTooLarge(LONGEST, null));
            }

            @Override
            public void failed(ProxyException why) {
                held.close();
                answer.accept(why);
            }
        });
    }
}
