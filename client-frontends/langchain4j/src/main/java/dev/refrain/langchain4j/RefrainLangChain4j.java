package dev.refrain.langchain4j;

import dev.langchain4j.http.client.HttpClientBuilder;
import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.client.RefrainOptions;

/**
 * Answers the requests of LangChain4j's models from the cache, and stores what the provider answers.
 *
 * <pre>{@code
 * ChatModel model = OpenAiChatModel.builder().modelName("gpt-5").apiKey(key)
 *         .httpClientBuilder(RefrainLangChain4j.wrap(HttpClientBuilderLoader.loadHttpClientBuilder(), cache))
 *         .build();
 * }</pre>
 *
 * <p>The same works for streaming models, embedding models, and models of Anthropic and of every provider whose builder
 * takes an {@code HttpClientBuilder} and whose API is one of the four formats. All other requests bypass the cache. A
 * stored stream is delivered to its listener on the calling thread, before the call returns.
 */
public final class RefrainLangChain4j {
    private RefrainLangChain4j() {}

    /** Caches all requests that do not say otherwise, for five minutes. */
    public static HttpClientBuilder wrap(HttpClientBuilder builder, ResponseCache cache) {
        return wrap(builder, cache, RefrainOptions.DEFAULTS);
    }

    /** Caches as the options and the requests say. */
    public static HttpClientBuilder wrap(HttpClientBuilder builder, ResponseCache cache, RefrainOptions options) {
        return new CachingHttpClientBuilder(builder, cache, options);
    }
}
