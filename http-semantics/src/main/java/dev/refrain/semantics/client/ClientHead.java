package dev.refrain.semantics.client;

import dev.refrain.engine.KeyContext;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.coding.ContentCoding;
import dev.refrain.semantics.policy.RequestedCaching;

/**
 * What a request is to the cache, as far as its head decides it.
 *
 * @param isAnonymous whether it shows no credential, and the options do not say whose answers it gets
 * @param isPlain whether the head says all: caching is on, and a stored answer is one, whatever the body says
 * @param missed what the answer is if that is so, and none is stored
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
