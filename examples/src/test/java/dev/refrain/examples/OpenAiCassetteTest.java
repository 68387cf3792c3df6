package dev.refrain.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import dev.refrain.junit5.Cassette;
import dev.refrain.junit5.CassettePlayer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * A test with openai-java that calls no model: its requests were recorded into {@code src/test/cassettes/openai}.
 * {@code -Drefrain.cassette-mode=record} records them anew, from the demo provider.
 */
@Cassette(value = "src/test/cassettes/openai", upstream = "demo")
class OpenAiCassetteTest {
    private static final ChatCompletionCreateParams QUESTION = ChatCompletionCreateParams.builder()
            .model("demo")
            .addUserMessage("Say hello")
            .build();

    private static OpenAIClient client(CassettePlayer cassette) {
        return OpenAIOkHttpClient.builder()
                .baseUrl(cassette.openAiUrl())
                .apiKey(cassette.apiKey())
                .build();
    }

    @Test
    void aDocument(CassettePlayer cassette) {
        assertThat(client(cassette).chat().completions().create(QUESTION).choices())
                .singleElement()
                .satisfies(choice -> assertThat(choice.message().content()).isPresent());
    }

    @Test
    void aStream(CassettePlayer cassette) {
        try (StreamResponse<ChatCompletionChunk> events =
                client(cassette).chat().completions().createStreaming(QUESTION)) {
            String text = events.stream()
                    .flatMap(event -> event.choices().stream())
                    .map(choice -> choice.delta().content().orElse(""))
                    .collect(Collectors.joining());
            assertThat(text).isNotEmpty();
        }
    }
}
