/**
 * Rules for where a request ends (RFC 9112), for any server.
 *
 * <p>Priorities: neither an ambiguous request nor any later request on its connection is served, so that no request can
 * be hidden in the body of another (request smuggling). The rules run on I/O threads and never block.
 */
package dev.refrain.semantics.framing;
