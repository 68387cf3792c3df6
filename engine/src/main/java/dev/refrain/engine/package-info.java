/**
 * The cache as a library. {@link dev.refrain.engine.ResponseCache} is the entry point; everything under
 * {@code internal} is not API. Unless a type says otherwise, no parameter and no result is null.
 *
 * <p>Priorities, in this order: never a wrong answer; never an exception at the caller because of the cache; a hit in
 * microseconds. The critical path is {@link dev.refrain.engine.ResponseCache#key} and
 * {@link dev.refrain.engine.ResponseCache#lookup}. It takes only the store's read lock, and parses only the request.
 *
 * <p>The package-private classes are here and not in {@code internal}, because they use package-private methods of
 * keys, scopes, requests and responses, which would otherwise have to be public.
 */
package dev.refrain.engine;
