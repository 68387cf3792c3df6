/**
 * What a front-end, the cache and a provider exchange: endpoint, call, sink, head and outcome. Stable API. Unless a
 * type says otherwise, no parameter and no result is null, and all types but sinks are immutable. The package does not
 * depend on the root package.
 */
package dev.refrain.engine.exchange;
