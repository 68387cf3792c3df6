/**
 * The handling of a request: route, read, decide, and let the engine answer. {@link ProxyHandler} has each step once.
 *
 * <p>A request stays on its connection's I/O thread, which never blocks; a provider's answer arrives on the upstream
 * client's threads and crosses to the I/O thread in {@link dev.refrain.http.server.ExchangeSink}. ARCHITECTURE.md
 * follows a request step by step.
 */
package dev.refrain.http.proxy;
