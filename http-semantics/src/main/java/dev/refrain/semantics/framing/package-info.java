/**
 * Where a request ends (RFC 9112), as rules for any server.
 *
 * <p>Priorities: an ambiguous request is not served, and neither is anything after it on the same connection, so that
 * nobody can hide a request in another one's body (request smuggling). The rules run on the I/O thread of a connection
 * and never block.
 */
package dev.refrain.semantics.framing;
