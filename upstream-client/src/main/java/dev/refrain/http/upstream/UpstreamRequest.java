package dev.refrain.http.upstream;

import dev.refrain.semantics.forward.RequestBody;
import java.util.List;

/**
 * A request as it is sent to a provider. Immutable and thread-safe, as far as its body is.
 *
 * @param target path and query
 * @param fields lines of the header, without {@code Host} and the fields that frame the body; each character is a byte
 * @param body null if there is none
 * @param isForWebSocket whether it asks for a websocket (RFC 6455, 4.1). The {@code body} then publishes the client's
 *     bytes once the provider has agreed, without framing of HTTP
 */
public record UpstreamRequest(
        String method, Origin origin, String target, List<Line> fields, RequestBody body, boolean isForWebSocket) {
    /** A line of the header. */
    record Line(String name, String value) {}

    /** A request without an upgrade to another protocol. */
    UpstreamRequest(String method, Origin origin, String target, List<Line> fields, RequestBody body) {
        this(method, origin, target, fields, body, false);
    }

    /** The same request for a websocket, over which the given bytes are sent. */
    public UpstreamRequest forWebSocket(RequestBody bytes) {
        return new UpstreamRequest(method, origin, target, fields, bytes, true);
    }
}
