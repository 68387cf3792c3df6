/**
 * Load on a proxy in a process of its own: many slow streams ({@link dev.refrain.jmh.load.StreamLoad}), bursts of calls
 * to a provider behind TLS ({@link dev.refrain.jmh.load.TlsBurst}), calls after a pause
 * ({@link dev.refrain.jmh.load.SparseMisses}), and hits with and without the log
 * ({@link dev.refrain.jmh.load.HitLoad}).
 *
 * <p>For streams, the provider and all clients run on one non-blocking thread each, so that measuring takes little of
 * the machine. docs/PERFORMANCE.md has the commands and the results.
 */
package dev.refrain.jmh.load;
