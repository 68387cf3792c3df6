/**
 * The client's side: the listener, where a request ends (RFC 9112), bodies on their
 * way in, answers on their way out, and how long a client is waited for. Everything
 * runs on the I/O thread of the client's connection, and never blocks it.
 */
package dev.refrain.http.server;
