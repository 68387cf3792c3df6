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
 * <p>Likewise streaming models, embedding models, and those of Anthropic and everybody else whose builder takes an
 * {@code HttpClientBuilder} and who speaks one of the four formats; all other requests pass by. A stored stream is
 * handed to its listener on the thread that asks, before that call returns.
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
