/**
 * What HTTP means to the cache, without a server and without a client: every rule of the wire contract that needs no
 * socket. Each package is a step of a request's way: {@code framing}, {@code route}, {@code caller}, {@code preset},
 * {@code policy}, {@code answer}.
 *
 * <p>Any front-end that speaks HTTP may use it. Unless a type says otherwise, no parameter and no result is null, and
 * types are immutable or stateless, and so thread-safe.
 */
package dev.refrain.semantics;
