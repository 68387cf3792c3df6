/**
 * Everything about calling a provider: connections, handshakes, timers, and delivery of the answer to a sink. Knows
 * nothing of clients or of the server; nothing here blocks. Unless a type says otherwise, nothing is null.
 */
package dev.refrain.http.upstream;
