package dev.refrain.http.explain;

import dev.refrain.engine.Endpoint;
import java.util.Map;

/**
 * A request that is asked about, as a client would send it.
 *
 * @param endpoint never null
 * @param query the query string, or empty
 * @param headers by name in any case
 * @param body as it would be sent
 */
public record Question(Endpoint endpoint, String query, Map<String, String> headers, String body) {}
