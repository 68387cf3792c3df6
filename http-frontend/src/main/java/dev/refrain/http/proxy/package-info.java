/**
 * A request's way: route it, read it, decide, and let the engine answer. Each step once, in {@link ProxyHandler}.
 *
 * <p>A request stays on its connection's I/O thread, which never blocks; an upstream's answer arrives on the HTTP
 * client's threads and crosses over in {@link dev.refrain.http.server.ExchangeSink}. ARCHITECTURE.md follows a request
 * step by step.
 */
package dev.refrain.http.proxy;
