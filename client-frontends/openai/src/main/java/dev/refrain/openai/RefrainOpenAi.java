package dev.refrain.openai;

import com.openai.core.http.HttpClient;
import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.client.ClientCache;
import dev.refrain.semantics.client.RefrainOptions;

/**
 * Answers the requests of an openai-java client from the cache, and stores what the provider answers. Thread-safe.
 *
 * <pre>{@code
 * OpenAIClient client = OpenAIOkHttpClient.fromEnv()
 *         .withOptions(o -> o.httpClient(RefrainOpenAi.wrap(OkHttpClient.builder().build(), cache)));
 * }</pre>
 *
 * <p>{@code OkHttpClient} is {@code com.openai.client.okhttp.OkHttpClient}; any {@code HttpClient} of the SDK will do.
 * The wrapped {@code HttpClient} is closed with the SDK's client. {@code withRawResponse()} shows the answer's header,
 * which says what the cache did. A wrapped client has no websockets. A program that needs them adds
 * {@code RefrainInterceptor} of {@code refrain-okhttp} to the builder of {@code OpenAIOkHttpClient} instead.
 */
public final class RefrainOpenAi {
    private RefrainOpenAi() {}

    /** Caches all requests that do not say otherwise, for five minutes. */
    public static HttpClient wrap(HttpClient client, ResponseCache cache) {
        return wrap(client, cache, RefrainOptions.DEFAULTS);
    }

    /** Caches as the options and the requests say. */
    public static HttpClient wrap(HttpClient client, ResponseCache cache, RefrainOptions options) {
        return new CachingHttpClient(client, ClientCache.of(cache, options));
    }
}
