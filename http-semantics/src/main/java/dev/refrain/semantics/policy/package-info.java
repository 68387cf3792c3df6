/**
 * Decides whether and how a request is cached: pure functions from header values and a preset to
 * {@link dev.refrain.engine.CacheControls}. On the path of every request, on any thread; no I/O, no state.
 */
package dev.refrain.semantics.policy;
