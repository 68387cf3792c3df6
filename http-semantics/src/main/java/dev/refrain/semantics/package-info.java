/**
 * The HTTP rules of the cache: every rule of the wire contract that needs no socket. The packages {@code framing},
 * {@code route}, {@code caller}, {@code preset}, {@code policy} and {@code answer} are a request's steps, in order.
 *
 * <p>Any front-end that speaks HTTP may use this package. Unless a type says otherwise, no parameter and no result is
 * null, and types are immutable or stateless, and so thread-safe.
 */
package dev.refrain.semantics;
