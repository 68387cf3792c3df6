package dev.refrain.http.upstream;

import dev.refrain.semantics.forward.RequestBody;
import java.util.List;

/**
 * A request as it goes to a provider. Immutable and thread-safe, as far as its body is.
 *
 * @param target path and query
 * @param fields lines of the header without {@code Host} and what frames the body, each character a byte
 * @param body null if there is none
 * @param isForWebSocket whether it asks to go on in websockets (RFC 6455, 4.1). What the {@code body} then publishes is
 *     what the client sends once the provider has agreed, and has no framing of HTTP's
 */
public record UpstreamRequest(
        String method, Origin origin, String target, List<Line> fields, RequestBody body, boolean isForWebSocket) {
    /** A line of the header. */
    record Line(String name, String value) {}

    /** A request that is no upgrade to another protocol. */
    UpstreamRequest(String method, Origin origin, String target, List<Line> fields, RequestBody body) {
        this(method, origin, target, fields, body, false);
    }

    /** The same as a request for a websocket, over which go the given bytes. */
    public UpstreamRequest forWebSocket(RequestBody bytes) {
        return new UpstreamRequest(method, origin, target, fields, bytes, true);
    }
}
