/**
 * HTTP/2 to clients (RFC 9113), for a server that speaks HTTP/1.1: {@link dev.refrain.http2.Http2Listener} turns each
 * stream into a connection of HTTP/1.1, so that one implementation of every rule serves both versions. The package
 * knows nothing of caches. Everything runs on the I/O thread of its connection, unless a type says otherwise, and
 * nothing blocks. Nothing is null unless a type says so.
 */
package dev.refrain.http2;
