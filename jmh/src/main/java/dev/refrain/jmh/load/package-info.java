/**
 * Many slow streams through the proxy at once: {@link dev.refrain.jmh.load.StreamLoad}.
 *
 * <p>The proxy is a process of its own. Provider and clients are one thread each, which never blocks, so that little of the machine
 * goes to the measuring. docs/BENCHMARKS.md has the command and what was measured.
 */
package dev.refrain.jmh.load;
