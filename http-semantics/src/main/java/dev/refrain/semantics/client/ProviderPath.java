package dev.refrain.semantics.client;

import dev.refrain.semantics.route.Route;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Splits the URL of a request to a provider into the route that a client of the proxy would have used, and the base URL
 * that the proxy would have been configured with. Clients of the proxy use a few known path prefixes; each provider has
 * a prefix of its own.
 *
 * @param route the route that the proxy would find
 * @param base the provider's base URL, without a slash at its end
 */
record ProviderPath(Route route, String base) {
    /**
     * The segment that must precede {@code /responses} and {@code /messages}. Other APIs, such as those of threads,
     * have paths that end alike.
     */
    private static final Pattern VERSION = Pattern.compile("v[0-9][0-9a-z._-]*|openai");

    private static final String RESPONSES = "responses";

    /** The path of a request to one of the endpoints or to an earlier response; null for any other. */
    static ProviderPath of(String method, RequestUrl url) {
        String origin = url.origin();
        List<String> segments = segments(url.path());
        int count = segments.size();
        int suffix = suffix(segments);
        if (suffix == 0) {
            return response(method, origin, segments);
        }
        int before = count - suffix;
        String sent = "/" + String.join("/", segments.subList(before, count));
        if (before >= 3
                && segments.get(before - 2).equals("deployments")
                && segments.get(before - 3).equals("openai")) {
            String azure = "/openai/deployments/" + segments.get(before - 1) + sent;
            return new ProviderPath(Route.of(method, azure), base(origin, segments.subList(0, before - 3)));
        }
        return new ProviderPath(Route.of(method, "/v1" + sent), base(origin, segments.subList(0, before)));
    }

    /** The path of an earlier response, or of something below it (wire rule W26b); null for any other. */
    private static ProviderPath response(String method, String origin, List<String> segments) {
        int at = segments.indexOf(RESPONSES);
        if (at < 1
                || at == segments.size() - 1
                || !VERSION.matcher(segments.get(at - 1)).matches()) {
            return null;
        }
        String sent = "/" + String.join("/", segments.subList(at, segments.size()));
        return new ProviderPath(Route.of(method, "/v1" + sent), base(origin, segments.subList(0, at)));
    }

    /** How many of the last segments name an endpoint; 0 if none do. */
    private static int suffix(List<String> segments) {
        int count = segments.size();
        if (count == 0) {
            return 0;
        }
        return switch (segments.get(count - 1)) {
            case "completions" -> count > 1 && segments.get(count - 2).equals("chat") ? 2 : 0;
            case "embeddings" -> 1;
            case RESPONSES, "messages" ->
                count == 1 || VERSION.matcher(segments.get(count - 2)).matches() ? 1 : 0;
            default -> 0;
        };
    }

    private static String base(String origin, List<String> segments) {
        return segments.isEmpty() ? origin : origin + "/" + String.join("/", segments);
    }

    private static List<String> segments(String path) {
        List<String> segments = new ArrayList<>(6);
        for (String segment : path.split("/", -1)) {
            if (!segment.isEmpty()) {
                segments.add(segment);
            }
        }
        return segments;
    }

    /** The path with another response's id in place of its own. */
    String withResponseId(String id) {
        String other = route.withResponseId(id).suffix();
        int path = base.indexOf('/', base.indexOf("://") + 3);
        return path < 0 ? other : base.substring(path) + other;
    }
}
