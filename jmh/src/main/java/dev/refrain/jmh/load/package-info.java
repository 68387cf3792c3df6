/**
 * Much at once through the proxy: slow streams ({@link dev.refrain.jmh.load.StreamLoad}),
 * calls to a provider behind TLS ({@link dev.refrain.jmh.load.TlsBurst}), and a call after a pause ({@link
 * dev.refrain.jmh.load.SparseMisses}).
 *
 * <p>The proxy is a process of its own. For streams provider and clients are one thread each, which never blocks, so
 * that little of the machine goes to the measuring. docs/PERFORMANCE.md has the command and what was measured.
 */
package dev.refrain.jmh.load;
