package dev.refrain.semantics.client;

import dev.refrain.engine.ResponseCache;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a program can do with an answer afterwards. Stateless. */
public final class ClientAnswers {
    /** The key in Refrain's part of {@code Cache-Status}; other caches may have added parts of their own. */
    private static final Pattern KEY = Pattern.compile("(?:^|, )refrain; [^,]*key=\"([0-9a-f]{12})\"");

    private ClientAnswers() {}

    /**
     * Takes a bad answer back, as a proxy's client does by {@code DELETE /v1/generation} (wire rule W85). Removes the
     * entry that answered, or that was stored from the answer, here and in the shared tier. An answer that is still
     * being fetched is delivered to its end, but not stored. An entry that has replaced the answer meanwhile stays.
     * Embeddings that were answered item by item have no entry of their own: ask again with
     * {@code X-OpenRouter-Cache-Clear}.
     *
     * <pre>{@code
     * ClientAnswers.takeBack(cache, response.headers()::values);      // openai-java, anthropic-java, OkHttp
     * ClientAnswers.takeBack(cache, response.headers()::allValues);   // the JDK's client
     * }</pre>
     *
     * <p>Walks the keys of the whole store; do not call it on a thread that serves requests.
     *
     * @param cache the client's cache
     * @param header returns the lines of a field of the answer; null or empty if there are none
     * @return whether the header names an entry, even if that entry was no longer there
     */
    public static boolean takeBack(ResponseCache cache, Function<String, List<String>> header) {
        String key = null;
        List<String> lines = header.apply("Cache-Status");
        for (String line : lines == null ? List.<String>of() : lines) {
            Matcher own = KEY.matcher(line);
            while (own.find()) {
                key = own.group(1);
            }
        }
        if (key == null) {
            return false;
        }
        boolean isHit = "HIT".equals(first(header, "X-OpenRouter-Cache-Status"));
        cache.pipeline().takeBack(key, first(header, isHit ? "X-OpenRouter-Cache-Source-Id" : "X-Generation-Id"));
        return true;
    }

    private static String first(Function<String, List<String>> header, String name) {
        List<String> lines = header.apply(name);
        return lines == null || lines.isEmpty() ? null : lines.get(0);
    }
}
