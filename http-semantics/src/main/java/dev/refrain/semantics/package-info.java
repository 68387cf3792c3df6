/**
 * What HTTP means to the cache, without a server and without a client: every rule of the wire contract that needs no
 * socket. Each package is a step of a request's way: {@code framing}, {@code route}, {@code caller}, {@code preset},
 * {@code policy}, {@code answer}.
 *
 * <p>All of it is pure, or keeps only what it says, and may be used by any front-end that speaks HTTP.
 */
package dev.refrain.semantics;
