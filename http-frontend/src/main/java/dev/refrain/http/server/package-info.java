/**
 * The clients' side of the proxy: the listener, request bodies, answers, and limits for slow clients. Everything runs
 * on the I/O thread of the client's connection and never blocks it.
 */
package dev.refrain.http.server;
