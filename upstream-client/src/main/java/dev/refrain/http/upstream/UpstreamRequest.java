package dev.refrain.http.upstream;

import dev.refrain.semantics.forward.RequestBody;
import java.util.List;

/**
 * A request as it goes to a provider.
 *
 * @param target path and query
 * @param fields lines of the header without {@code Host} and what frames the body, each character a byte
 * @param body null if there is none
 */
public record UpstreamRequest(String method, Origin origin, String target, List<Line> fields, RequestBody body) {
    /** A line of the header. */
    record Line(String name, String value) {}
}
