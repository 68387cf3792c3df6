/**
 * Programs for the scripts in {@code jmh/http}: load for the proxy, and servers behind it or to compare it with.
 * docs/PERFORMANCE.md has the commands.
 *
 * <p>Each server has one I/O thread, which the scripts pin to a processor, and shares no code with the proxy.
 */
package dev.refrain.jmh.http;
