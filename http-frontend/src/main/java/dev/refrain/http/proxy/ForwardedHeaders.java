package dev.refrain.http.proxy;

import dev.refrain.semantics.framing.ConnectionOptions;
import io.undertow.util.HeaderMap;
import io.undertow.util.HeaderValues;
import io.undertow.util.HttpString;
import java.net.http.HttpRequest;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Which header fields cross the proxy: all but those that belong to one connection only (RFC 9110, 7.6.1), those that the client
 * and the server write themselves, and the cache's own (wire rule W9).
 */
final class ForwardedHeaders {
    private static final Set<String> HOP_BY_HOP = Set.of(
            "connection",
            "keep-alive",
            "proxy-authenticate",
            "proxy-authorization",
            "proxy-connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade");

    private static final Set<String> WRITTEN_BY_THE_CLIENT =
            Set.of("host", "content-length", "expect", "http2-settings");

    private static final Set<String> OWN_REQUEST =
            Set.of("x-openrouter-cache", "x-openrouter-cache-ttl", "x-openrouter-cache-clear");

    /** What an upstream that caches too would say of its own cache must not be mistaken for ours. */
    private static final String OWN_RESPONSE_PREFIX = "x-openrouter-cache-";

    private ForwardedHeaders() {}

    /**
     * Copies a request's fields.
     *
     * @param identity whether the upstream is asked not to compress: a stored answer must suit every later client
     */
    static void toUpstream(HeaderMap from, HttpRequest.Builder to, boolean identity) {
        Set<String> nominated = ConnectionOptions.of(from.get("Connection"));
        for (HeaderValues values : from) {
            String name = values.getHeaderName().toString();
            String lower = name.toLowerCase(Locale.ROOT);
            if (HOP_BY_HOP.contains(lower)
                    || nominated.contains(lower)
                    || WRITTEN_BY_THE_CLIENT.contains(lower)
                    || OWN_REQUEST.contains(lower)
                    || (identity && lower.equals("accept-encoding"))) {
                continue;
            }
            for (String value : values) {
                to.header(name, value);
            }
        }
        if (identity) {
            to.setHeader("Accept-Encoding", "identity");
        }
        if (!from.contains("User-Agent")) {
            to.setHeader("User-Agent", "Refrain");
        }
    }

    /** Copies a response's fields; the length and our own fields are set elsewhere. */
    static void toClient(Map<String, List<String>> from, HeaderMap to, boolean endpoint) {
        Set<String> nominated = ConnectionOptions.of(from.get("connection"));
        from.forEach((name, values) -> {
            String lower = name.toLowerCase(Locale.ROOT);
            // HTTP/2 pseudo-header fields begin with a colon.
            if (lower.startsWith(":")
                    || HOP_BY_HOP.contains(lower)
                    || nominated.contains(lower)
                    || lower.equals("content-length")
                    || (endpoint && lower.startsWith(OWN_RESPONSE_PREFIX))) {
                return;
            }
            HttpString target = new HttpString(name);
            to.remove(target);
            to.putAll(target, values);
        });
    }
}
