package dev.refrain.semantics.route;

import dev.refrain.engine.exchange.Endpoint;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Where a path leads (wire rules W1 to W3). Empty segments and a slash at the end are ignored; nothing in the path is
 * decoded. Immutable and thread-safe.
 *
 * @param endpoint the cacheable endpoint, or null if the request is forwarded untouched
 * @param named the endpoint whose path this is, whatever the method; or null
 * @param path the path below the prefix, normalised as above; begins with a slash unless it is empty
 * @param suffix the path sent to the provider, below its base: {@code path} for an endpoint, else as the client sent it
 * @param azure whether the prefix is Azure's {@code /openai}, which is also sent to the provider
 * @param deployment Azure's name for the model, as sent, or null
 */
public record Route(Endpoint endpoint, Endpoint named, String path, String suffix, boolean azure, String deployment) {
    /** Prefixes of paths, the longest first. Azure's newer API, {@code /openai/v1}, has the paths of OpenAI's own. */
    private static final List<List<String>> PREFIXES =
            List.of(List.of("api", "v1"), List.of("openai", "v1"), List.of("v1"), List.of("openai"));

    private static final Map<String, Endpoint> ENDPOINTS = Map.of(
            "/chat/completions", Endpoint.CHAT,
            "/responses", Endpoint.RESPONSES,
            "/messages", Endpoint.MESSAGES,
            "/embeddings", Endpoint.EMBEDDINGS);

    private static final String RESPONSE = "/responses/";

    private static final String DEPLOYMENTS = "deployments";

    /** The route of a request, or null if the path is under none of the prefixes. */
    public static Route of(String method, String rawPath) {
        List<String> segments = new ArrayList<>(6);
        // Where each segment ends in the path.
        List<Integer> ends = new ArrayList<>(6);
        for (int start = 0; start < rawPath.length(); ) {
            int slash = rawPath.indexOf('/', start);
            int end = slash < 0 ? rawPath.length() : slash;
            if (end > start) {
                segments.add(rawPath.substring(start, end));
                ends.add(end);
            }
            start = end + 1;
        }
        if (!rawPath.startsWith("/")) {
            return null;
        }
        for (List<String> prefix : PREFIXES) {
            int length = prefix.size();
            if (segments.size() >= length && segments.subList(0, length).equals(prefix)) {
                return below(
                        method,
                        prefix.equals(List.of("openai")),
                        segments.subList(length, segments.size()),
                        rawPath.substring(ends.get(length - 1)));
            }
        }
        return null;
    }

    /** The route to an endpoint under any prefix but Azure's older one. */
    public static Route to(Endpoint endpoint) {
        String path = ENDPOINTS.entrySet().stream()
                .filter(entry -> entry.getValue() == endpoint)
                .findFirst()
                .orElseThrow()
                .getKey();
        return new Route(endpoint, endpoint, path, path, false, null);
    }

    private static Route below(String method, boolean azure, List<String> segments, String sent) {
        String path = segments.isEmpty() ? "" : "/" + String.join("/", segments);
        String deployment = null;
        Endpoint named;
        if (!azure) {
            named = ENDPOINTS.get(path);
        } else if (segments.size() > 2 && segments.get(0).equals(DEPLOYMENTS)) {
            deployment = segments.get(1);
            named = ENDPOINTS.get("/" + String.join("/", segments.subList(2, segments.size())));
        } else {
            // The only endpoint of Azure's older API that has the model in the body and not in the path.
            named = path.equals("/responses") ? Endpoint.RESPONSES : null;
        }
        Endpoint endpoint = method.equals("POST") ? named : null;
        return new Route(endpoint, named, path, endpoint == null ? sent : path, azure, deployment);
    }

    /** The id in a path to a response ({@code /responses/{id}} and below), as sent; null for other paths. */
    public String responseId() {
        return path.startsWith(RESPONSE) ? path.substring(RESPONSE.length(), endOfId()) : null;
    }

    private int endOfId() {
        int end = path.indexOf('/', RESPONSE.length());
        return end < 0 ? path.length() : end;
    }

    /** The same route with another id in place of {@link #responseId}. */
    public Route withResponseId(String id) {
        // This encoder turns a space into a plus, but no id has a space.
        String other = RESPONSE + URLEncoder.encode(id, StandardCharsets.UTF_8) + path.substring(endOfId());
        return new Route(endpoint, named, other, other, azure, deployment);
    }

    /**
     * The URL to which {@code suffix} is appended.
     *
     * @param upstream the provider's base URL, without a slash at its end. For paths of Azure it may be the base of any
     *     of its APIs
     */
    public String base(String upstream) {
        return azure ? upstream.replaceFirst("(/openai/v1|/openai|/api/v1|/v1)$", "") + "/openai" : upstream;
    }
}
