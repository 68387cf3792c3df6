package dev.refrain.jmh.http;

import io.undertow.Undertow;
import io.undertow.UndertowOptions;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import io.undertow.util.SameThreadExecutor;
import java.nio.ByteBuffer;

/**
 * The least that a server built on Undertow can do: read a request's body and send bytes that lie ready. It is the
 * ceiling for the proxy, and the provider behind every cache that is measured.
 *
 * <p>Arguments: port, length of a body's text, milliseconds to wait with each answer
 * (0). A body with {@code "stream":true} gets an event stream of 800 tokens, 200 KB in
 * all, with its head and end in one piece unless a pace in milliseconds is given as the
 * fourth argument (then its events go out one by one, each with the time it was sent).
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
