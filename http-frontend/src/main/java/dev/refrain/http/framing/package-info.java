/**
 * Where a request ends (RFC 9112), judged before anything else is done with it, by the proxy and by the admin listener.
 *
 * <p>Priorities: nothing that could be read in two ways is served, and nothing is served behind it over the same connection; so
 * nobody can hide a request in another one's body (request smuggling). Everything here runs on a connection's I/O thread and never
 * blocks it.
 */
package dev.refrain.http.framing;
