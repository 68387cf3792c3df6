/**
 * The client's side: the listener, framing (RFC 9112), request bodies, answers, and limits for slow clients. Everything
 * runs on the I/O thread of the client's connection and never blocks it.
 */
package dev.refrain.http.server;
