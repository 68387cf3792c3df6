package dev.refrain.semantics.client;

import dev.refrain.engine.KeyContext;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.coding.ContentCoding;
import dev.refrain.semantics.policy.RequestedCaching;

/**
 * What the head of a request alone decides about its caching.
 *
 * @param isAnonymous whether the request has no credential, and the options name no scope
 * @param isPlain whether caching is on and a stored answer may be sent, whatever the body says
 * @param missed the outcome of a plain request without a stored answer; null if the request is not plain
 */
record ClientHead(
        Endpoint endpoint,
        RequestedCaching asked,
        Caller caller,
        boolean isAnonymous,
        ContentCoding coding,
        KeyContext context,
        boolean isPlain,
        CacheOutcome missed) {}
