package dev.refrain.http.demo;

import io.undertow.io.IoCallback;
import io.undertow.io.Sender;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import io.undertow.util.SameThreadExecutor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** Sends one answer piece by piece with even pauses. Confined to the exchange's I/O thread, which it never blocks. */
final class Delivery implements IoCallback {
    private final DemoAnswer answer;
    private final long pauseNanos;
    private int sent;

    private Delivery(DemoAnswer answer, Duration duration) {
        this.answer = answer;
        this.pauseNanos = duration.toNanos() / answer.pieces().size();
    }

    /** Sends the answer, spread over the given time. An error is sent at once. */
    static void send(HttpServerExchange exchange, DemoAnswer answer, Duration duration) {
        Delivery delivery = new Delivery(answer, answer.status() == 200 ? duration : Duration.ZERO);
        exchange.setStatusCode(answer.status());
        exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, answer.contentType());
        // Without a dispatch the exchange would end when the handler returns.
        exchange.dispatch(SameThreadExecutor.INSTANCE, () -> delivery.pauseAndSend(exchange));
    }

    private void pauseAndSend(HttpServerExchange exchange) {
        exchange.getIoThread().executeAfter(() -> sendPiece(exchange), pauseNanos, TimeUnit.NANOSECONDS);
    }

    private void sendPiece(HttpServerExchange exchange) {
        ByteBuffer piece = ByteBuffer.wrap(answer.pieces().get(sent++).getBytes(StandardCharsets.UTF_8));
        boolean last = sent == answer.pieces().size();
        exchange.getResponseSender().send(piece, last ? IoCallback.END_EXCHANGE : this);
    }

    @Override
    public void onComplete(HttpServerExchange exchange, Sender sender) {
        pauseAndSend(exchange);
    }

    /** The client has gone. */
    @Override
    public void onException(HttpServerExchange exchange, Sender sender, IOException exception) {
        exchange.endExchange();
    }
}
