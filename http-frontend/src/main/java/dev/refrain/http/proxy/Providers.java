package dev.refrain.http.proxy;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.http.upstream.Provider;
import dev.refrain.semantics.route.Route;
import java.util.Map;

/**
 * Which provider answers which endpoint.
 *
 * @param elsewhere provider of paths that are no endpoints
 * @param endpoints provider of each endpoint
 */
record Providers(Provider elsewhere, Map<Endpoint, Provider> endpoints) {
    /** The provider that a route leads to. Who made a response knows it, and is asked for it. */
    Provider of(Route route) {
        Endpoint endpoint = route.responseId() == null ? route.endpoint() : Endpoint.RESPONSES;
        return endpoint == null ? elsewhere : endpoints.get(endpoint);
    }
}
