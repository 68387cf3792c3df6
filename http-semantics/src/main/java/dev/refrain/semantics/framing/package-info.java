/**
 * Where a request ends (RFC 9112), as rules that any server can be held to.
 *
 * <p>Priorities: nothing that could be read in two ways is served, and nothing is served behind it over the same
 * connection; so nobody can hide a request in another one's body (request smuggling). It is judged on the I/O thread of
 * a connection, and never blocks it.
 */
package dev.refrain.semantics.framing;
