package dev.refrain.anthropic;

import com.anthropic.core.http.Interceptor;
import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.client.ClientCache;
import dev.refrain.semantics.client.RefrainOptions;

/**
 * Answers the requests of an anthropic-java client from the cache, and stores what the provider answers. Thread-safe.
 *
 * <pre>{@code
 * AnthropicClient client = AnthropicOkHttpClient.builder()
 *         .fromEnv()
 *         .addInterceptor(RefrainAnthropic.interceptor(cache))
 *         .build();
 * }</pre>
 *
 * <p>{@code withRawResponse()} shows the answer's header, which says what the cache did. The SDK shows its interceptors
 * requests and answers in Anthropic's own format, whichever cloud serves the model. Requests to Bedrock are signed
 * after the interceptor, so they need {@link RefrainOptions.Builder#scope} in place of a credential.
 */
public final class RefrainAnthropic {
    private RefrainAnthropic() {}

    /** Caches all requests that do not say otherwise, for five minutes. */
    public static Interceptor interceptor(ResponseCache cache) {
        return interceptor(cache, RefrainOptions.DEFAULTS);
    }

    /** Caches as the options and the requests say. */
    public static Interceptor interceptor(ResponseCache cache, RefrainOptions options) {
        ClientCache shared = ClientCache.of(cache, options);
        return client -> new CachingHttpClient(client, shared);
    }
}
