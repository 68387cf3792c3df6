/**
 * The cache as a library. {@link dev.refrain.engine.ResponseCache} is the entry point; everything under {@code internal} is not API.
 *
 * <p>Priorities, in this order: never a wrong answer; never an exception at the caller because of the cache; a hit in
 * microseconds. The critical path is {@link dev.refrain.engine.ResponseCache#key} and
 * {@link dev.refrain.engine.ResponseCache#lookup}: it takes no lock but the store's read lock and parses no JSON but the request.
 */
package dev.refrain.engine;
