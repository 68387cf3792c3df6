package dev.refrain.http.demo;

import io.undertow.Undertow;
import io.undertow.UndertowOptions;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.HttpString;
import io.undertow.util.Methods;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.Map;

/** A provider on a port of its own, reachable from this machine only. Needs no API key. */
public final class DemoProvider implements AutoCloseable {
    private static final String BASE_PATH = "/v1";
    private static final HttpString ANTHROPIC_VERSION = new HttpString("anthropic-version");
    /** Limit of a request body, in bytes; the front-end allows no higher one to be configured. */
    private static final long MAX_REQUEST_BYTES = 1L << 30;

    private static final Map<String, DemoFormat> FORMATS = Map.of(
            "/chat/completions", new ChatFormat(),
            "/responses", new ResponsesFormat(),
            "/messages", new MessagesFormat(),
            "/embeddings", new EmbeddingsFormat());

    private final Undertow server;
    private final Duration answerTime;

    private DemoProvider(Duration answerTime) {
        this.answerTime = answerTime;
        this.server = Undertow.builder()
                .addHttpListener(0, "127.0.0.1")
                .setIoThreads(1)
                .setWorkerThreads(1)
                .setServerOption(UndertowOptions.MAX_ENTITY_SIZE, MAX_REQUEST_BYTES)
                .setHandler(this::handle)
                .build();
    }

    /**
     * Starts a provider that takes about a second for each answer.
     *
     * @throws RuntimeException if there is no free port
     */
    public static DemoProvider start() {
        return start(Duration.ofSeconds(1));
    }

    static DemoProvider start(Duration answerTime) {
        DemoProvider provider = new DemoProvider(answerTime);
        provider.server.start();
        return provider;
    }

    /** The URL that precedes {@code /chat/completions} and the other paths. */
    public URI baseUri() {
        InetSocketAddress address =
                (InetSocketAddress) server.getListenerInfo().get(0).getAddress();
        return URI.create("http://127.0.0.1:" + address.getPort() + BASE_PATH);
    }

    /** Stops at once; answers in progress are truncated. */
    @Override
    public void close() {
        server.stop();
    }

    private void handle(HttpServerExchange exchange) {
        String path = exchange.getRequestPath();
        String suffix = path.startsWith(BASE_PATH + "/") ? path.substring(BASE_PATH.length()) : "";
        boolean anthropic =
                suffix.equals("/messages") || exchange.getRequestHeaders().contains(ANTHROPIC_VERSION);
        ErrorShape errors = anthropic ? ErrorShape.ANTHROPIC : ErrorShape.OPENAI;
        DemoFormat format = FORMATS.get(suffix);
        boolean models = suffix.equals("/models");
        if (format == null && !models) {
            send(
                    exchange,
                    errors.notFound("Refrain's demo provider has no " + path + ". It has /v1/models and, by POST, "
                            + "/v1/chat/completions, /v1/responses, /v1/messages and /v1/embeddings."));
        } else if (!exchange.getRequestMethod().equals(models ? Methods.GET : Methods.POST)) {
            send(exchange, errors.wrongMethod("Use " + (models ? "GET" : "POST") + " for " + path + "."));
        } else if (models) {
            send(exchange, anthropic ? ModelList.anthropic() : ModelList.openAi());
        } else {
            exchange.getRequestReceiver()
                    .receiveFullBytes((e, body) -> Delivery.send(e, answer(format, errors, body), answerTime));
        }
    }

    private static DemoAnswer answer(DemoFormat format, ErrorShape errors, byte[] body) {
        try {
            return format.answer(DemoRequest.parse(body, format.input()));
        } catch (DemoRequest.Refused e) {
            return errors.badRequest(e.getMessage(), e.parameter());
        }
    }

    private static void send(HttpServerExchange exchange, DemoAnswer answer) {
        Delivery.send(exchange, answer, Duration.ZERO);
    }
}
