/**
 * Where a request ends: {@link dev.refrain.console.framing.Framing} refuses requests whose end is in doubt. It is the
 * first handler of the admin listener, and of any front-end that listens with Undertow. Its handlers run on a
 * connection's I/O thread. No parameter and no result is null, except the value of a missing field.
 */
package dev.refrain.console.framing;
