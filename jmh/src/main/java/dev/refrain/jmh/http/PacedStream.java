package dev.refrain.jmh.http;

import io.undertow.io.IoCallback;
import io.undertow.io.Sender;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.xnio.IoUtils;

/** An event stream whose events go out one by one, each with the time at which it went: {@link System#nanoTime}, which is the machine's. */
final class PacedStream implements IoCallback {
    /** What stands before the time. */
    static final String MARK = "sent=";

    private static final int EVENTS = 200;

    private final HttpServerExchange exchange;
    private final int paceMillis;
    private int sent;

    PacedStream(HttpServerExchange exchange, int paceMillis) {
        this.exchange = exchange;
        this.paceMillis = paceMillis;
    }

    void start() {
        exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, "text/event-stream");
        exchange.dispatch(io.undertow.util.SameThreadExecutor.INSTANCE, this::next);
    }

    private void next() {
        String event = sent == EVENTS
                ? "data: [DONE]\n\n"
                : Answers.event("chatcmpl-1000000000", MARK + System.nanoTime() + " ");
        Sender sender = exchange.getResponseSender();
        sender.send(
                ByteBuffer.wrap(event.getBytes(StandardCharsets.US_ASCII)),
                sent++ == EVENTS ? IoCallback.END_EXCHANGE : this);
    }

    @Override
    public void onComplete(HttpServerExchange written, Sender sender) {
        try {
            if (!exchange.getResponseChannel().flush()) {
                throw new IOException("the client is too slow to measure with");
            }
        } catch (IOException e) {
            onException(written, sender, e);
            return;
        }
        exchange.dispatch(
                io.undertow.util.SameThreadExecutor.INSTANCE,
                () -> exchange.getIoThread().executeAfter(this::next, paceMillis, TimeUnit.MILLISECONDS));
    }

    @Override
    public void onException(HttpServerExchange failed, Sender sender, IOException exception) {
        IoUtils.safeClose(failed.getConnection());
    }
}
