package dev.refrain.http.proxy;

import dev.refrain.engine.Endpoint;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Methods;
import java.util.Map;

/**
 * Where a path leads (wire rules W1 to W3).
 *
 * @param endpoint the cacheable endpoint, or null if the request is forwarded untouched
 * @param suffix the path below the upstream's URL, as sent, beginning with a slash
 */
record Route(Endpoint endpoint, String suffix) {
    private static final String[] PREFIXES = {"/api/v1", "/v1"};

    private static final Map<String, Endpoint> ENDPOINTS = Map.of(
            "/chat/completions", Endpoint.CHAT,
            "/responses", Endpoint.RESPONSES,
            "/messages", Endpoint.MESSAGES,
            "/embeddings", Endpoint.EMBEDDINGS);

    /** The route of a request, or null if the path is under none of the prefixes. */
    static Route of(String method, String rawPath) {
        for (String prefix : PREFIXES) {
            if (rawPath.startsWith(prefix)
                    && (rawPath.length() == prefix.length() || rawPath.charAt(prefix.length()) == '/')) {
                String suffix = rawPath.substring(prefix.length());
                return new Route(method.equals("POST") ? ENDPOINTS.get(suffix) : null, suffix);
            }
        }
        return null;
    }

    /** Whether this asks for the record of a generation (W60). */
    boolean isGeneration(HttpServerExchange exchange) {
        return suffix.equals("/generation")
                && exchange.getRequestMethod().equals(Methods.GET)
                && exchange.getQueryParameters().containsKey("id")
                && exchange.isRequestComplete();
    }
}
