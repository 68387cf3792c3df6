package dev.refrain.console.explain;

import dev.refrain.semantics.route.Route;
import java.util.Map;

/**
 * A request to explain, as a client would send it. Nothing is null.
 *
 * @param route to one of the endpoints; never null
 * @param query the query string, or empty
 * @param headers values by name; case does not matter
 * @param body of the request, without a content coding
 */
public record Question(Route route, String query, Map<String, String> headers, String body) {}
