package dev.refrain.jmh.http;

import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import io.undertow.util.SameThreadExecutor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.xnio.IoUtils;
import org.xnio.channels.StreamSinkChannel;

/**
 * An event stream whose events are sent one by one, each with its time of sending by {@link System#nanoTime}. On Linux
 * that clock is the same in all processes of a machine.
 */
final class PacedStream {
    /** Precedes the time in an event. */
    static final String MARK = "sent=";

    private static final int EVENTS = 200;

    private final HttpServerExchange exchange;
    private final int paceMillis;
    private StreamSinkChannel channel;
    private int sent;

    PacedStream(HttpServerExchange exchange, int paceMillis) {
        this.exchange = exchange;
        this.paceMillis = paceMillis;
    }

    void start() {
        exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, "text/event-stream");
        exchange.getResponseHeaders().put(Headers.TRANSFER_ENCODING, "chunked");
        exchange.dispatch(SameThreadExecutor.INSTANCE, this::next);
    }

    private void next() {
        String event = sent == EVENTS
                ? "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
                : Answers.event("chatcmpl-1000000000", MARK + System.nanoTime() + " ");
        ByteBuffer bytes = ByteBuffer.wrap(event.getBytes(StandardCharsets.US_ASCII));
        try {
            if (channel == null) {
                channel = exchange.getResponseChannel();
            }
            channel.write(bytes);
            if (!channel.flush() || bytes.hasRemaining()) {
                throw new IOException("the client is too slow to measure with");
            }
        } catch (IOException e) {
            IoUtils.safeClose(exchange.getConnection());
            return;
        }
        if (sent++ == EVENTS) {
            exchange.endExchange();
        } else {
            exchange.getIoThread().executeAfter(this::next, paceMillis, TimeUnit.MILLISECONDS);
        }
    }
}
