package dev.refrain.examples;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OkHttpClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.HttpResponseFor;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import dev.refrain.engine.ResponseCache;
import dev.refrain.openai.RefrainOpenAi;
import java.io.IOException;
import java.nio.file.Path;

/** openai-java with a cache. The first run asks the provider, the second one does not. */
public final class OpenAiExample {
    private OpenAiExample() {}

    /**
     * Asks, and prints what the cache did.
     *
     * @param arguments the provider's base URL, a key for it, and the cache's file
     */
    public static void main(String[] arguments) throws IOException {
        String url = arguments[0];
        String key = arguments[1];
        Path file = Path.of(arguments[2]);
        // README begins.
        try (ResponseCache cache = ResponseCache.open(file, 64L << 20)) {
            OpenAIClient client = OpenAIOkHttpClient.builder().baseUrl(url).apiKey(key).build()
                    .withOptions(o -> o.httpClient(RefrainOpenAi.wrap(OkHttpClient.builder().build(), cache)));
            ChatCompletionCreateParams question = ChatCompletionCreateParams.builder()
                    .model("demo").addUserMessage("Say hello").build();
            try (HttpResponseFor<ChatCompletion> response =
                    client.withRawResponse().chat().completions().create(question)) {
                System.out.println(response.headers().values("X-OpenRouter-Cache-Status")); // [MISS], then [HIT]
                System.out.println(response.parse().choices().get(0).message().content().orElse(""));
            }
        }
        // README ends.
    }
}
