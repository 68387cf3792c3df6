package dev.refrain.semantics.forward;

import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.framing.ConnectionOptions;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;

/**
 * Copies the header fields that cross the proxy: all except those of one connection (RFC 9110, 7.6.1), those that the
 * HTTP client and server write themselves, and the cache's own (wire rule W9). Stateless.
 */
public final class ForwardedFields {
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

    private static final Set<String> OWN_REQUEST = Set.of(
            "x-openrouter-cache",
            "x-openrouter-cache-ttl",
            "x-openrouter-cache-clear",
            "x-refrain-namespace",
            "x-refrain-sample",
            "x-refrain-samples",
            "x-refrain-replay");

    /**
     * An upstream with a cache of its own may send fields with this prefix. Clients must not take them for Refrain's.
     */
    private static final String OWN_RESPONSE_PREFIX = "x-openrouter-cache-";

    private ForwardedFields() {}

    /**
     * Whether a request's field tells the cache what to do, and so is not forwarded (wire rule W9).
     *
     * @param name in any case
     */
    public static boolean isForTheCache(String name) {
        return OWN_REQUEST.contains(name.toLowerCase(Locale.ROOT));
    }

    /**
     * Copies a request's fields.
     *
     * @param from the client's request
     * @param identity whether to ask the upstream not to compress, since a stored answer must suit every later client
     * @param to receives each line, with its field's name
     */
    public static void toUpstream(RequestFields from, boolean identity, BiConsumer<String, String> to) {
        Set<String> nominated = ConnectionOptions.of(from.all("Connection"));
        from.forEach((name, lines) -> {
            String lower = name.toLowerCase(Locale.ROOT);
            if (HOP_BY_HOP.contains(lower)
                    || nominated.contains(lower)
                    || WRITTEN_BY_THE_CLIENT.contains(lower)
                    || OWN_REQUEST.contains(lower)
                    || (identity && lower.equals("accept-encoding"))) {
                return;
            }
            for (String line : lines) {
                to.accept(name, line);
            }
        });
        if (identity) {
            to.accept("Accept-Encoding", "identity");
        }
        if (from.first("User-Agent") == null) {
            to.accept("User-Agent", "Refrain");
        }
    }

    /**
     * Copies a response's fields; the length and Refrain's own fields are set elsewhere.
     *
     * @param from the upstream's answer
     * @param endpoint whether the request was for one of the four endpoints, for which the cache sets fields
     * @param to receives each field once, with all of its lines
     */
    public static void toClient(Map<String, List<String>> from, boolean endpoint, BiConsumer<String, List<String>> to) {
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
            to.accept(name, values);
        });
    }
}
