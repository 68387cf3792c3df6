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
 * What all requests share on their way.
 *
 * @param steps reads headers and makes keys
 * @param rulesets the one that is in force, which each request takes once
 * @param outlines gets the requests that are fetched to be stored
 * @param recorder records calls to providers, or answers in their place
 * @param longBodies has the threads for them
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
     * @param bodyBytes the longest request body to let through to an endpoint
     * @param forwardedBytes the longest one to let through elsewhere
     * @param cancelWhenAbandoned whether a call is cancelled when its client has gone, although its answer could be
     *     stored
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
        /** The provider that a route leads to. Who made a response knows it, and is asked for it. */
        Provider of(Route route) {
            Endpoint endpoint = route.responseId() == null ? route.endpoint() : Endpoint.RESPONSES;
            return endpoint == null ? elsewhere : endpoints.get(endpoint);
        }
    }
}
