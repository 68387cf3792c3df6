package dev.refrain.http.upstream;

import java.time.Duration;
import javax.net.ssl.SSLContext;

/**
 * How providers are called. Immutable, so that any thread may read it; nothing is null but where it says so.
 *
 * @param maxCalls calls that may run at the same time
 * @param proxies which providers are reached through a proxy
 * @param tls what speaks TLS, or null for the JVM's own
 * @param http2 whether HTTP/2 is spoken to providers that offer it
 */
public record UpstreamOptions(Timeouts timeouts, int maxCalls, ProxyRules proxies, SSLContext tls, boolean http2) {
    /**
     * Limits of time. Immutable, so that any thread may read it.
     *
     * @param connect for looking a name up, connecting and shaking hands together
     * @param response from the start of a call, connecting included, until the head of its answer
     * @param idle between two pieces of an answer
     * @param tunnelIdle between two pieces over a websocket, in either direction
     * @param keepAlive how long to keep an idle connection whose provider does not say how long it does
     */
    public record Timeouts(
            Duration connect, Duration response, Duration idle, Duration tunnelIdle, Duration keepAlive) {}
}
