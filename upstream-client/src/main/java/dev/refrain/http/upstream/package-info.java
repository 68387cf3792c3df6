/**
 * Everything about calling a provider: connections, handshakes, timers, and the answer on its way to a sink. Knows
 * nothing of clients and of the server; nothing here blocks. Unless a type says otherwise, no parameter and no result
 * is null.
 */
package dev.refrain.http.upstream;
