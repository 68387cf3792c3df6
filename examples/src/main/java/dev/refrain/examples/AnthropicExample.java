package dev.refrain.examples;

import com.anthropic.client.AnthropicClient;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.core.http.HttpResponseFor;
import com.anthropic.models.messages.Message;
import com.anthropic.models.messages.MessageCreateParams;
import dev.refrain.anthropic.RefrainAnthropic;
import dev.refrain.engine.ResponseCache;
import java.io.IOException;
import java.nio.file.Path;

/** anthropic-java with a cache. The first run asks the provider, the second one does not. */
public final class AnthropicExample {
    private AnthropicExample() {}

    /**
     * Asks, and prints what the cache did.
     *
     * @param arguments the provider's base URL, to which the SDK adds {@code /v1}, a key for it, and the cache's file
     */
    public static void main(String[] arguments) throws IOException {
        String url = arguments[0];
        String key = arguments[1];
        Path file = Path.of(arguments[2]);
        // README begins.
        try (ResponseCache cache = ResponseCache.open(file, 64L << 20)) {
            AnthropicClient client = AnthropicOkHttpClient.builder().baseUrl(url).apiKey(key)
                    .addInterceptor(RefrainAnthropic.interceptor(cache)).build();
            MessageCreateParams question = MessageCreateParams.builder()
                    .model("demo").maxTokens(500).addUserMessage("Say hello").build();
            try (HttpResponseFor<Message> response = client.withRawResponse().messages().create(question)) {
                System.out.println(response.headers().values("X-OpenRouter-Cache-Status"));
                System.out.println(response.parse().content().get(0).asText().text());
            }
        }
        // README ends.
    }
}
