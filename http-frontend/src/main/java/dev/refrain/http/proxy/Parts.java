package dev.refrain.http.proxy;

import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.ModelNames;
import dev.refrain.console.explain.Outlines;
import dev.refrain.engine.ResponseCache;
import dev.refrain.http.server.ClientLimits;
import dev.refrain.http.server.LongBodies;
import dev.refrain.http.upstream.UpstreamClient;
import dev.refrain.semantics.caller.Callers;
import dev.refrain.semantics.forward.CallRecorder;
import dev.refrain.semantics.key.KeyContexts;
import dev.refrain.semantics.policy.CacheRules;
import dev.refrain.semantics.preset.Presets;

/**
 * What all requests share on their way.
 *
 * @param steps reads headers and makes keys
 * @param rules of the operator about caching
 * @param outlines gets the requests that are fetched to be stored
 * @param recorder records calls to providers, or answers in their place
 * @param longBodies has the threads for them
 */
record Parts(
        ResponseCache cache,
        Steps steps,
        ActivityLog activity,
        Callers callers,
        KeyContexts contexts,
        Outlines outlines,
        CacheRules rules,
        Presets presets,
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
}
