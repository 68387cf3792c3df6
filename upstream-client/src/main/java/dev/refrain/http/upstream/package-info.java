/**
 * Everything about calling a provider: connections, handshakes, timers, and the answer on its way to a sink. Knows
 * nothing of clients and of the server; nothing here blocks.
 */
package dev.refrain.http.upstream;
