/**
 * HTTP/2 to clients (RFC 9113), for a server that speaks HTTP/1.1: {@link dev.refrain.http2.Http2Listener} makes a
 * connection of HTTP/1.1 of each stream, so that every rule holds in both versions, and nothing is written twice. It
 * knows nothing of caches. Everything runs on the I/O thread of its connection, unless it says otherwise, and nothing
 * blocks. Nothing is null unless it says so.
 */
package dev.refrain.http2;
