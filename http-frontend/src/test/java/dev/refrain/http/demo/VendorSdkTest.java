package dev.refrain.http.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.anthropic.client.AnthropicClient;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.helpers.MessageAccumulator;
import com.anthropic.models.messages.Message;
import com.anthropic.models.messages.MessageCreateParams;
import com.anthropic.models.messages.StopReason;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.errors.BadRequestException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.helpers.ResponseAccumulator;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.embeddings.CreateEmbeddingResponse;
import com.openai.models.embeddings.EmbeddingCreateParams;
import com.openai.models.embeddings.EmbeddingCreateParams.EncodingFormat;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseCreateParams;
import com.openai.models.responses.ResponseStatus;
import com.openai.models.responses.ResponseStreamEvent;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The vendors' own SDKs against the demo provider, with their validation of every field switched on. */
class VendorSdkTest {
    private static DemoProvider provider;
    private static OpenAIClient openAi;
    private static AnthropicClient anthropic;

    @BeforeAll
    static void start() {
        provider = DemoProvider.start(Duration.ofMillis(50));
        String baseUrl = provider.baseUri().toString();
        openAi = OpenAIOkHttpClient.builder()
                .baseUrl(baseUrl)
                .apiKey("any")
                .maxRetries(0)
                .responseValidation(true)
                .build();
        // This SDK appends /v1 itself.
        anthropic = AnthropicOkHttpClient.builder()
                .baseUrl(baseUrl.replaceAll("/v1$", ""))
                .apiKey("any")
                .maxRetries(0)
                .responseValidation(true)
                .build();
    }

    @AfterAll
    static void stop() {
        openAi.close();
        anthropic.close();
        provider.close();
    }

    @Test
    void chatBody() {
        ChatCompletion answer = openAi.chat().completions().create(chat().build());

        assertThat(answer.id()).startsWith("chatcmpl-");
        assertThat(answer.model()).isEqualTo("any-model");
        assertThat(answer.choices().get(0).message().content()).hasValueSatisfying(VendorSdkTest::isTheAnswer);
        assertThat(answer.choices().get(0).finishReason()).isEqualTo(ChatCompletion.Choice.FinishReason.STOP);
        assertThat(answer.usage().orElseThrow().promptTokens()).isPositive();
        assertThat(answer.usage().orElseThrow().completionTokens()).isPositive();
    }

    @Test
    void chatStream() {
        ChatCompletionAccumulator accumulator = ChatCompletionAccumulator.create();
        try (var stream = openAi.chat().completions().createStreaming(chat().build())) {
            assertThat(stream.stream().map(accumulator::accumulate).map(ChatCompletionChunk::usage))
                    .hasSizeGreaterThan(20)
                    .allMatch(usage -> usage.isEmpty());
        }
        isTheAnswer(accumulator
                .chatCompletion()
                .choices()
                .get(0)
                .message()
                .content()
                .orElseThrow());
    }

    @Test
    void chatStreamWithUsage() {
        ChatCompletionCreateParams request = chat().streamOptions(
                        ChatCompletionStreamOptions.builder().includeUsage(true).build())
                .build();
        List<ChatCompletionChunk> chunks;
        try (var stream = openAi.chat().completions().createStreaming(request)) {
            chunks = stream.stream().toList();
        }
        ChatCompletionChunk last = chunks.get(chunks.size() - 1);
        assertThat(last.choices()).isEmpty();
        assertThat(last.usage().orElseThrow().totalTokens()).isPositive();
        assertThat(chunks.subList(0, chunks.size() - 1))
                .allMatch(chunk -> chunk.usage().isEmpty());
        assertThat(chunks.get(chunks.size() - 2).choices().get(0).finishReason())
                .contains(ChatCompletionChunk.Choice.FinishReason.STOP);
    }

    @Test
    void responsesBody() {
        Response answer = openAi.responses().create(response());

        assertThat(answer.id()).startsWith("resp_");
        assertThat(answer.status()).contains(ResponseStatus.COMPLETED);
        isTheAnswer(text(answer));
        assertThat(answer.usage().orElseThrow().outputTokens()).isPositive();
    }

    @Test
    void responsesStream() {
        ResponseAccumulator accumulator = ResponseAccumulator.create();
        List<ResponseStreamEvent> events;
        try (var stream = openAi.responses().createStreaming(response())) {
            events = stream.stream().map(accumulator::accumulate).toList();
        }
        assertThat(events.get(0).isCreated()).isTrue();
        assertThat(events.get(1).isInProgress()).isTrue();
        assertThat(events.get(2).isOutputItemAdded()).isTrue();
        assertThat(events.get(3).isContentPartAdded()).isTrue();
        assertThat(events.subList(4, events.size() - 4))
                .hasSizeGreaterThan(20)
                .allMatch(ResponseStreamEvent::isOutputTextDelta);
        String deltas = String.join(
                "",
                events.subList(4, events.size() - 4).stream()
                        .map(event -> event.asOutputTextDelta().delta())
                        .toList());
        assertThat(events.get(events.size() - 4).asOutputTextDone().text()).isEqualTo(deltas);
        assertThat(events.get(events.size() - 3).isContentPartDone()).isTrue();
        assertThat(events.get(events.size() - 2).isOutputItemDone()).isTrue();
        assertThat(events.get(events.size() - 1).asCompleted().sequenceNumber()).isEqualTo(events.size() - 1);
        assertThat(text(accumulator.response())).isEqualTo(deltas);
        isTheAnswer(deltas);
    }

    @Test
    void messagesBody() {
        Message answer = anthropic.messages().create(message());

        assertThat(answer.id()).startsWith("msg_");
        assertThat(answer.stopReason()).contains(StopReason.END_TURN);
        isTheAnswer(answer.content().get(0).asText().text());
        assertThat(answer.usage().outputTokens()).isPositive();
    }

    @Test
    void messagesStream() {
        MessageAccumulator accumulator = MessageAccumulator.create();
        try (var stream = anthropic.messages().createStreaming(message())) {
            assertThat(stream.stream().map(accumulator::accumulate)).hasSizeGreaterThan(20);
        }
        Message answer = accumulator.message();
        isTheAnswer(answer.content().get(0).asText().text());
        assertThat(answer.stopReason()).contains(StopReason.END_TURN);
        assertThat(answer.usage().outputTokens()).isGreaterThan(1);
    }

    @Test
    void embeddings() {
        CreateEmbeddingResponse floats = embed(EncodingFormat.FLOAT);
        CreateEmbeddingResponse base64 = embed(EncodingFormat.BASE64);

        assertThat(floats.data()).hasSize(2);
        assertThat(floats.data().get(0).embedding()).hasSize(256);
        assertThat(floats.data().get(0).embedding())
                .isNotEqualTo(floats.data().get(1).embedding());
        assertThat(base64.data().get(0).embedding())
                .isEqualTo(floats.data().get(0).embedding());
        assertThat(base64.data().get(1).embedding())
                .isEqualTo(floats.data().get(1).embedding());
        assertThat(floats.data().get(0).embedding().stream()
                        .mapToDouble(x -> x * x)
                        .sum())
                .isBetween(0.999, 1.001);
        assertThat(floats.usage().promptTokens()).isPositive();
    }

    @Test
    void modelLists() {
        assertThat(openAi.models().list().data())
                .singleElement()
                .satisfies(model -> assertThat(model.id()).isEqualTo("refrain-demo"));
        assertThat(anthropic.models().list().data())
                .singleElement()
                .satisfies(model -> assertThat(model.id()).isEqualTo("refrain-demo"));
    }

    @Test
    void errorsArriveAsTheSdksOwn() {
        assertThatThrownBy(() -> openAi.responses()
                        .create(ResponseCreateParams.builder().model("m").build()))
                .isInstanceOf(BadRequestException.class)
                .hasMessageContaining("Missing required parameter: 'input'");
    }

    private static ChatCompletionCreateParams.Builder chat() {
        return ChatCompletionCreateParams.builder()
                .model("any-model")
                .addSystemMessage("Be brief.")
                .addUserMessage("Why is the sky blue?");
    }

    private static ResponseCreateParams response() {
        return ResponseCreateParams.builder()
                .model("any-model")
                .input("Why is the sky blue?")
                .build();
    }

    private static MessageCreateParams message() {
        return MessageCreateParams.builder()
                .model("any-model")
                .maxTokens(100)
                .addUserMessage("Why is the sky blue?")
                .build();
    }

    private static CreateEmbeddingResponse embed(EncodingFormat format) {
        return openAi.embeddings()
                .create(EmbeddingCreateParams.builder()
                        .model("any-model")
                        .inputOfArrayOfStrings(List.of("a", "b"))
                        .dimensions(256)
                        .encodingFormat(format)
                        .build());
    }

    private static String text(Response response) {
        return response.output()
                .get(0)
                .asMessage()
                .content()
                .get(0)
                .asOutputText()
                .text();
    }

    private static void isTheAnswer(String text) {
        assertThat(text)
                .startsWith("This is Refrain's built-in demo provider; no model was called.")
                .contains("You wrote: \"Why is the sky blue?\".")
                .contains("X-OpenRouter-Cache: true");
    }
}
