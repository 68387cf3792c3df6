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
 * @param base the URL under which {@code /chat/completions} lives, without a trailing slash
 * @param identity names the provider in cache keys: stable over restarts, different for different providers
 * @param origin where its connections lead
 */
public record Provider(URI base, String identity, Origin origin) {
    /** Connections lead to the host and port of the URL. */
    public Provider(URI base, String identity) {
        this(base, identity, Origin.of(base));
    }

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

    /** Whether a request without a body says so (RFC 9110, 8.6). */
    private static boolean expectsBody(String method) {
        return method.equals("POST") || method.equals("PUT") || method.equals("PATCH");
    }
}
