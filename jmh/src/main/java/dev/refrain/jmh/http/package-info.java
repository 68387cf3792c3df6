/**
 * Servers to measure the proxy with and against, for the scripts in {@code jmh/http}; docs/PERFORMANCE.md has the
 * commands.
 *
 * <p>One I/O thread each, pinned by the scripts, and nothing shared with the code that is measured.
 */
package dev.refrain.jmh.http;
