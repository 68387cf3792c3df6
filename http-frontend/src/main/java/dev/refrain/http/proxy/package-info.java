/**
 * HTTP semantics on top of the engine: routing, reading requests, calling the provider, writing answers.
 *
 * <p>A request stays on its connection's I/O thread, which never blocks; an upstream's answer arrives on the HTTP client's
 * threads and crosses over in {@link dev.refrain.http.proxy.ExchangeSink}. ARCHITECTURE.md follows a request step by step.
 */
package dev.refrain.http.proxy;
