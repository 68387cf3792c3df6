package dev.refrain.http.upstream;

import java.time.Duration;
import javax.net.ssl.SSLContext;

/**
 * How providers are called. Immutable, so that any thread may read it; nothing is null, unless its comment says so.
 *
 * @param maxCalls calls that may run at the same time
 * @param proxies which providers are reached through a proxy
 * @param tls TLS context for connections to providers, or null for the JVM's default
 * @param http2 whether HTTP/2 is used with providers that support it
 */
public record UpstreamOptions(Timeouts timeouts, int maxCalls, ProxyRules proxies, SSLContext tls, boolean http2) {
    /**
     * Timeouts. Immutable, so that any thread may read them.
     *
     * @param connect for lookup, connecting and TLS handshake together
     * @param response from the start of a call, connecting included, until the head of its answer
     * @param idle between two pieces of an answer
     * @param tunnelIdle between two pieces over a websocket, in either direction
     * @param keepAlive how long to keep an idle connection, if the provider does not say how long it keeps one
     */
    public record Timeouts(
            Duration connect, Duration response, Duration idle, Duration tunnelIdle, Duration keepAlive) {}
}
