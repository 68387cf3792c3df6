/** The HTTP server's side of a connection: where a request ends (RFC 9112), judged before anything else is done with it. */
package dev.refrain.http.server;
