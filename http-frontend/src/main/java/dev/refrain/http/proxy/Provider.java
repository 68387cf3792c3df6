package dev.refrain.http.proxy;

import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.route.Route;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Methods;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpRequest;

/**
 * An upstream provider.
 *
 * @param base the URL under which {@code /chat/completions} lives, without a trailing slash
 * @param identity names the provider in cache keys: stable over restarts, different for different providers
 */
record Provider(URI base, String identity) {
    /**
     * The client's request as it goes to this provider (wire rules W2 and W9).
     *
     * @param route where it leads
     * @param identityCoding whether the answer must not be compressed
     */
    HttpRequest request(
            HttpServerExchange exchange, Route route, HttpRequest.BodyPublisher body, boolean identityCoding)
            throws ProxyException {
        String query = exchange.getQueryString();
        try {
            HttpRequest.Builder request = HttpRequest.newBuilder(new URI(route.base(base.toString())
                    + UriCharacters.escape(route.suffix() + (query.isEmpty() ? "" : "?" + query))));
            if (exchange.isRequestComplete() && exchange.getRequestMethod().equals(Methods.GET)) {
                request.GET();
            } else if (exchange.isRequestComplete()
                    && exchange.getRequestMethod().equals(Methods.DELETE)) {
                // The general way would announce a body of length 0.
                request.DELETE();
            } else {
                request.method(exchange.getRequestMethod().toString(), body);
            }
            ForwardedHeaders.toUpstream(exchange.getRequestHeaders(), request, identityCoding);
            return request.build();
        } catch (URISyntaxException e) {
            throw ProxyException.badRequest("The request path or query is not a valid URI: " + e.getReason() + ".");
        } catch (IllegalArgumentException e) {
            throw ProxyException.badRequest(
                    "The request cannot be forwarded: a header field or the method is malformed.");
        }
    }
}
