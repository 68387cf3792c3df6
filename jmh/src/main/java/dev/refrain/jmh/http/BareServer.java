package dev.refrain.jmh.http;

import io.undertow.Undertow;
import io.undertow.UndertowOptions;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import io.undertow.util.SameThreadExecutor;
import java.nio.ByteBuffer;

/**
 * A minimal server built on Undertow: it reads a request's body and sends prepared bytes. Its throughput is the ceiling
 * for the proxy, and it is the provider behind every measured cache.
 *
 * <p>Arguments: port; length of a document; milliseconds to wait before each answer, 0 unless given; pace of streams in
 * milliseconds. A body with {@code "stream":true} gets an event stream of 800 tokens, 200 KB in all. Without a pace the
 * stream is sent in one piece; with a pace, event by event, each with the time when it was sent.
 */
public final class BareServer {
    private BareServer() {}

    /** Serves until the process is stopped. */
    public static void main(String[] arguments) {
        int port = Integer.parseInt(arguments[0]);
        Answers answers = new Answers(Integer.parseInt(arguments[1]));
        int delay = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 0;
        int pace = arguments.length > 3 ? Integer.parseInt(arguments[3]) : 0;
        HttpHandler handler = exchange -> exchange.dispatch(
                SameThreadExecutor.INSTANCE,
                () -> exchange.getRequestReceiver().receiveFullBytes((read, body) -> {
                    if (Answers.isStream(body) && pace > 0) {
                        new PacedStream(read, pace).start();
                    } else if (delay > 0) {
                        read.dispatch(
                                SameThreadExecutor.INSTANCE,
                                () -> read.getIoThread()
                                        .executeAfter(
                                                () -> send(read, answers, body),
                                                delay,
                                                java.util.concurrent.TimeUnit.MILLISECONDS));
                    } else {
                        send(read, answers, body);
                    }
                }));
        Undertow.builder()
                .addHttpListener(port, "127.0.0.1")
                .setIoThreads(1)
                .setServerOption(UndertowOptions.NO_REQUEST_TIMEOUT, 600_000)
                .setHandler(handler)
                .build()
                .start();
    }

    private static void send(HttpServerExchange exchange, Answers answers, byte[] body) {
        boolean stream = Answers.isStream(body);
        ByteBuffer answer = answers.to(body, stream);
        exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, stream ? "text/event-stream" : "application/json");
        exchange.setResponseContentLength(answer.remaining());
        exchange.getResponseSender().send(answer);
    }
}
