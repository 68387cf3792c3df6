/**
 * The cache as a library. {@link dev.refrain.engine.ResponseCache} is the entry point; everything under
 * {@code internal} is not API.
 *
 * <p>Priorities, in this order: never a wrong answer; never an exception at the caller because of the cache; a hit in
 * microseconds. The critical path is {@link dev.refrain.engine.ResponseCache#key} and {@link
 * dev.refrain.engine.ResponseCache#lookup}: it takes no lock but the store's read lock and parses no JSON but the
 * request.
 *
 * <p>What is not public here stays here, and not under {@code internal}, because
 * it uses what keys, scopes, requests and responses show to their own package
 * alone: digests and buffers that would have to become public methods otherwise.
 */
package dev.refrain.engine;
