/**
 * Where a request ends, as this project's listeners read it: {@link dev.refrain.console.framing.Framing} refuses what
 * is in doubt. It stands before the admin listener, and before any front-end that listens with Undertow. Its handlers
 * run on a connection's I/O thread. No parameter and no result is null, but for a field that is not there.
 */
package dev.refrain.console.framing;
