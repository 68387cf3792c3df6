package dev.refrain.http.proxy;

import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.ModelNames;
import dev.refrain.console.explain.Outlines;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.http.server.ClientLimits;
import dev.refrain.http.server.LongBodies;
import dev.refrain.http.upstream.Provider;
import dev.refrain.http.upstream.UpstreamClient;
import dev.refrain.semantics.forward.CallRecorder;
import dev.refrain.semantics.key.KeyContexts;
import dev.refrain.semantics.route.Route;
import dev.refrain.semantics.ruleset.Ruleset;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The objects that all requests share.
 *
 * @param steps reads headers and makes keys
 * @param rulesets the ruleset in force, which each request reads once
 * @param outlines keeps outlines of requests whose answers are to be stored
 * @param recorder records calls to providers, or answers in their place
 * @param longBodies reads long bodies on threads of its own
 */
record Parts(
        ResponseCache cache,
        Steps steps,
        ActivityLog activity,
        Supplier<Ruleset> rulesets,
        KeyContexts contexts,
        Outlines outlines,
        ModelNames models,
        UpstreamClient client,
        Providers providers,
        CallRecorder recorder,
        LongBodies longBodies,
        Limits limits) {
    /**
     * Limits for requests and clients.
     *
     * @param bodyBytes longest request body that is accepted for an endpoint
     * @param forwardedBytes longest request body that is accepted for other paths
     * @param cancelWhenAbandoned whether a call whose answer could be stored is cancelled when its client leaves
     * @param reading limits for reading requests
     * @param writing limits for clients that do not take their answers
     */
    record Limits(
            long bodyBytes,
            long forwardedBytes,
            boolean cancelWhenAbandoned,
            ClientLimits reading,
            ClientLimits writing) {}

    /**
     * Which provider answers which endpoint.
     *
     * @param elsewhere provider of paths that are no endpoints
     * @param endpoints provider of each endpoint
     */
    record Providers(Provider elsewhere, Map<Endpoint, Provider> endpoints) {
        /**
         * The provider for a route. A path to an earlier response goes to the provider of {@code /responses}, which
         * made that response.
         */
        Provider of(Route route) {
            Endpoint endpoint = route.responseId() == null ? route.endpoint() : Endpoint.RESPONSES;
            return endpoint == null ? elsewhere : endpoints.get(endpoint);
        }
    }
}
