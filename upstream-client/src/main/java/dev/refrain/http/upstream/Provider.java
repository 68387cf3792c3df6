package dev.refrain.http.upstream;

import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.forward.ForwardedFields;
import dev.refrain.semantics.forward.UriCharacters;
import dev.refrain.semantics.route.Route;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpRequest;

/**
 * An upstream provider.
 *
 * @param base the URL under which {@code /chat/completions} lives, without a trailing slash
 * @param identity names the provider in cache keys: stable over restarts, different for different providers
 */
public record Provider(URI base, String identity) {
    /**
     * The client's request as it goes to this provider (wire rules W2 and W9).
     *
     * @param method as it was sent
     * @param route where it leads
     * @param query as it was sent, or empty
     * @param body null if there is none
     * @param identityCoding whether the answer must not be compressed
     * @throws ProxyException if it cannot be sent on
     */
    public HttpRequest request(
            String method,
            Route route,
            String query,
            RequestFields fields,
            HttpRequest.BodyPublisher body,
            boolean identityCoding)
            throws ProxyException {
        try {
            HttpRequest.Builder request = HttpRequest.newBuilder(new URI(route.base(base.toString())
                    + UriCharacters.escape(route.suffix() + (query.isEmpty() ? "" : "?" + query))));
            if (body == null && method.equals("GET")) {
                request.GET();
            } else if (body == null && method.equals("DELETE")) {
                // The general way would announce a body of length 0.
                request.DELETE();
            } else {
                request.method(method, body == null ? HttpRequest.BodyPublishers.noBody() : body);
            }
            ForwardedFields.toUpstream(fields, identityCoding, request::header);
            return request.build();
        } catch (URISyntaxException e) {
            throw ProxyException.badRequest("The request path or query is not a valid URI: " + e.getReason() + ".");
        } catch (IllegalArgumentException e) {
            throw ProxyException.badRequest(
                    "The request cannot be forwarded: a header field or the method is malformed.");
        }
    }
}
