package dev.refrain.http.proxy;

import io.undertow.util.HeaderMap;
import io.undertow.util.HeaderValues;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The API key of a request: the scope within which answers are shared (wire rule W15).
 *
 * <p>Besides the two headers of the contract, those of Azure and Google count as well, and cookies where there is no key: leaving a credential out of the scope
 * could show one customer's answers to another, counting one too many cannot.
 */
final class Credentials {
    private static final List<HttpString> API_KEY_HEADERS =
            List.of(new HttpString("x-api-key"), new HttpString("api-key"), new HttpString("x-goog-api-key"));

    private static final String BEARER = "bearer ";

    private Credentials() {}

    /** The API key, the distinct ones joined if a request carries several, or empty if it carries none. */
    static String of(HeaderMap headers) {
        String authorization = headers.getFirst(Headers.AUTHORIZATION);
        String first = authorization == null ? "" : withoutScheme(authorization);
        Set<String> several = null;
        for (HttpString name : API_KEY_HEADERS) {
            HeaderValues values = headers.get(name);
            if (values != null) {
                several = several == null ? distinct(first) : several;
                for (String value : values) {
                    several.add(value.trim());
                }
            }
        }
        if (several == null && first.isEmpty()) {
            // Whoever has no API key but a session is known by that.
            String cookie = headers.getFirst(Headers.COOKIE);
            return cookie == null ? "" : "cookie\n" + cookie;
        }
        // A line feed cannot stand in a header, so that joined keys cannot imitate another key.
        return several == null ? first : String.join("\n", several);
    }

    private static Set<String> distinct(String first) {
        Set<String> set = new LinkedHashSet<>();
        if (!first.isEmpty()) {
            set.add(first);
        }
        return set;
    }

    /** {@code Bearer abc} names the key {@code abc}; any other scheme stays part of what it says. */
    private static String withoutScheme(String authorization) {
        String value = authorization.trim();
        return value.regionMatches(true, 0, BEARER, 0, BEARER.length())
                ? value.substring(BEARER.length()).trim()
                : value;
    }
}
