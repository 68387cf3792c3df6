package dev.refrain.http.upstream;

import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.forward.ForwardedFields;
import dev.refrain.semantics.forward.RequestBody;
import dev.refrain.semantics.forward.UriCharacters;
import dev.refrain.semantics.route.Route;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;

/**
 * An upstream provider. Immutable and thread-safe.
 *
 * @param base the URL that precedes {@code /chat/completions}, without a trailing slash
 * @param identity the provider's name in cache keys: the same after a restart, and different for different providers
 * @param origin the host to connect to
 */
public record Provider(URI base, String identity, Origin origin) {
    /** A provider that is reached at the host and port of its URL. */
    public Provider(URI base, String identity) {
        this(base, identity, Origin.of(base));
    }

    /**
     * The client's request as it is sent to this provider (wire rules W2 and W9).
     *
     * @param method as the client sent it
     * @param route the route of its path
     * @param query as the client sent it, or empty
     * @param body null if there is none
     * @param identityCoding whether the answer must not be compressed
     * @throws ProxyException if the request cannot be forwarded
     */
    public UpstreamRequest request(
            String method, Route route, String query, RequestFields fields, RequestBody body, boolean identityCoding)
            throws ProxyException {
        String url = route.base(base.toString());
        String target = url.substring(url.indexOf('/', url.indexOf("://") + 3))
                + UriCharacters.escape(route.suffix() + (query.isEmpty() ? "" : "?" + query));
        List<UpstreamRequest.Line> lines = new ArrayList<>();
        ForwardedFields.toUpstream(
                fields, identityCoding, (name, value) -> lines.add(new UpstreamRequest.Line(name, value)));
        boolean isWellFormed = HeaderCharacters.isToken(method)
                && lines.stream()
                        .allMatch(
                                line -> HeaderCharacters.isToken(line.name()) && HeaderCharacters.isText(line.value()));
        if (!isWellFormed) {
            throw ProxyException.badRequest(
                    "The request cannot be forwarded: a header field or the method is malformed.");
        }
        return new UpstreamRequest(
                method, origin, target, lines, body == null && expectsBody(method) ? new HeldBody(new byte[0]) : body);
    }

    /** Whether a request without a body states a length of zero (RFC 9110, 8.6). */
    private static boolean expectsBody(String method) {
        return method.equals("POST") || method.equals("PUT") || method.equals("PATCH");
    }
}
