/**
 * What goes to and fro between a front-end, the cache and a provider: the endpoint
 * that a request is for, the call, the sink that an answer streams into, its head, and
 * what is said of it. Stable API, like the root package, which it knows nothing of.
 */
package dev.refrain.engine.exchange;
