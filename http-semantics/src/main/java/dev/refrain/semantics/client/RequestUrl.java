package dev.refrain.semantics.client;

/**
 * The URL of a request to a provider, in parts, each as it is sent. Immutable and thread-safe.
 *
 * @param origin scheme, host, and port if it is not the scheme's default: {@code https://api.openai.com}
 * @param path with a slash at its beginning, or empty
 * @param query empty if there is none
 */
public record RequestUrl(String origin, String path, String query) {
    /** Splits an absolute URL. User information and fragment are left out, since they are not sent. */
    public static RequestUrl of(String url) {
        int host = url.indexOf("://") + 3;
        int end = firstOf(url, "#", host, url.length());
        int query = firstOf(url, "?", host, end);
        int path = firstOf(url, "/", host, query);
        String scheme = url.substring(0, host);
        String authority = url.substring(Math.max(host, url.lastIndexOf('@', path - 1) + 1), path);
        String port = scheme.equalsIgnoreCase("https://") ? ":443" : ":80";
        int named = authority.length() - (authority.endsWith(port) ? port.length() : 0);
        return new RequestUrl(
                scheme + authority.substring(0, named),
                url.substring(path, query),
                query == end ? "" : url.substring(query + 1, end));
    }

    private static int firstOf(String url, String mark, int from, int end) {
        int at = url.indexOf(mark, from);
        return at < 0 ? end : Math.min(at, end);
    }

    /** The URL with another path. */
    public String withPath(String other) {
        return origin + other + (query.isEmpty() ? "" : "?" + query);
    }
}
