package dev.refrain.http.server;

import dev.refrain.semantics.answer.ProxyException;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.HeaderMap;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import io.undertow.util.Methods;
import io.undertow.util.SameThreadExecutor;
import io.undertow.util.StatusCodes;
import java.util.List;
import java.util.Locale;
import java.util.function.BiConsumer;

/**
 * Lets pages of configured origins use the proxy from a browser (the CORS protocol of the Fetch standard). It replaces
 * the CORS fields of providers, because hits do not have those. The browser's own credentials, such as cookies, are not
 * allowed; an API key in a header is.
 */
public final class Cors implements HttpHandler {
    private static final String PREFIX = "access-control-";
    private static final HttpString REQUEST_METHOD = new HttpString("Access-Control-Request-Method");
    private static final HttpString REQUEST_HEADERS = new HttpString("Access-Control-Request-Headers");
    private static final HttpString ALLOW_ORIGIN = new HttpString("Access-Control-Allow-Origin");
    private static final HttpString ALLOW_METHODS = new HttpString("Access-Control-Allow-Methods");
    private static final HttpString ALLOW_HEADERS = new HttpString("Access-Control-Allow-Headers");
    private static final HttpString EXPOSE_HEADERS = new HttpString("Access-Control-Expose-Headers");
    private static final HttpString MAX_AGE = new HttpString("Access-Control-Max-Age");

    /** The longest time, in seconds, for which Chromium caches a preflight. */
    private static final int MAX_AGE_SECONDS = 7200;

    private final List<String> origins;
    private final ClientLimits reading;
    private final HttpHandler next;
    private final BiConsumer<HttpServerExchange, ProxyException> refusal;

    /**
     * @param origins as browsers write them, or {@code *} for all
     * @param reading limits for a preflight's body, which browsers do not send
     * @param refusal answers a preflight whose body is malformed
     */
    public Cors(
            List<String> origins,
            ClientLimits reading,
            HttpHandler next,
            BiConsumer<HttpServerExchange, ProxyException> refusal) {
        this.origins = origins;
        this.reading = reading;
        this.next = next;
        this.refusal = refusal;
    }

    @Override
    public void handleRequest(HttpServerExchange exchange) throws Exception {
        HeaderMap asked = exchange.getRequestHeaders();
        String origin = asked.getFirst(Headers.ORIGIN);
        if (exchange.getRequestMethod().equals(Methods.OPTIONS) && origin != null && asked.contains(REQUEST_METHOD)) {
            exchange.dispatch(
                    SameThreadExecutor.INSTANCE,
                    () -> EarlyAnswer.onceRead(exchange, reading, flaw -> {
                        if (flaw == null) {
                            answerPreflight(exchange, origin);
                        } else {
                            mark(exchange);
                            refusal.accept(exchange, flaw);
                        }
                    }));
            return;
        }
        mark(exchange);
        next.handleRequest(exchange);
    }

    private void answerPreflight(HttpServerExchange exchange, String origin) {
        HeaderMap asked = exchange.getRequestHeaders();
        HeaderMap answer = exchange.getResponseHeaders();
        if (allow(origin, answer)) {
            answer.put(ALLOW_METHODS, asked.getFirst(REQUEST_METHOD));
            if (asked.contains(REQUEST_HEADERS)) {
                answer.put(ALLOW_HEADERS, String.join(", ", asked.get(REQUEST_HEADERS)));
            }
            answer.put(MAX_AGE, MAX_AGE_SECONDS);
        }
        exchange.setStatusCode(StatusCodes.NO_CONTENT).endExchange();
    }

    /** Adds the CORS fields to whatever answer the exchange gets. */
    public void mark(HttpServerExchange exchange) {
        String origin = exchange.getRequestHeaders().getFirst(Headers.ORIGIN);
        exchange.addResponseCommitListener(committed -> {
            HeaderMap answer = committed.getResponseHeaders();
            for (HttpString name : List.copyOf(answer.getHeaderNames())) {
                if (name.toString().toLowerCase(Locale.ROOT).startsWith(PREFIX)) {
                    answer.remove(name);
                }
            }
            if (allow(origin, answer)) {
                answer.put(EXPOSE_HEADERS, "*");
            }
        });
    }

    private boolean allow(String origin, HeaderMap answer) {
        if (origins.contains("*")) {
            answer.put(ALLOW_ORIGIN, "*");
            return true;
        }
        // The answer depends on the origin, whether that is allowed or not.
        answer.add(Headers.VARY, "Origin");
        if (origin == null || !origins.contains(origin)) {
            return false;
        }
        answer.put(ALLOW_ORIGIN, origin);
        return true;
    }
}
