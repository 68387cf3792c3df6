package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.anthropic.client.AnthropicClient;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.helpers.MessageAccumulator;
import com.anthropic.models.messages.Message;
import com.anthropic.models.messages.MessageCreateParams;
import com.anthropic.models.messages.RawMessageStreamEvent;
import com.anthropic.models.messages.ToolUseBlock;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.helpers.ResponseAccumulator;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionMessageToolCall;
import com.openai.models.embeddings.CreateEmbeddingResponse;
import com.openai.models.embeddings.EmbeddingCreateParams;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseCreateParams;
import com.openai.models.responses.ResponseStreamEvent;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;

/**
 * The vendors' own SDKs, unmodified, with the executable jar: each call is a miss and then a hit. The SDK's objects for
 * hit and miss differ exactly as wire rule W25 says. Long, since each kind of call is written in its SDK's way.
 */
class SdkIT {
    private static final String GENERATED = "gen-[0-9]{10}-[A-Za-z0-9]{20}";

    @TempDir
    static Path folder;

    private static ScriptedProvider provider;
    private static RunningJar jar;
    private static OpenAIClient openai;
    private static AnthropicClient anthropic;

    @BeforeAll
    static void start() throws IOException {
        provider = new ScriptedProvider();
        jar = RunningJar.start(folder, provider.base());
        openai = OpenAIOkHttpClient.builder()
                .baseUrl(jar.uri("/v1").toString())
                .apiKey("sk-openai")
                .putHeader("X-OpenRouter-Cache", "true")
                .maxRetries(0)
                .build();
        anthropic = AnthropicOkHttpClient.builder()
                .baseUrl(jar.uri("/api").toString())
                .apiKey("sk-ant")
                .putHeader("X-OpenRouter-Cache", "true")
                .maxRetries(0)
                .build();
    }

    @AfterAll
    static void stop() {
        openai.close();
        anthropic.close();
        jar.close();
        provider.close();
    }

    // ---------------------------------------------------------------------------------------------------------- OpenAI

    @Test
    void chat(TestInfo test) {
        provider.does(answer("chat.json"));
        ChatCompletion hit = missThenHit(
                        () -> openai(openai.chat().completions().withRawResponse()::create, question(test)))
                .parsed(0);
        assertThat(hit.id()).matches(GENERATED);
        assertThat(hit.choices().get(0).message().content().orElseThrow()).contains("日本語, 😀", "\"total_tokens\": 5");
        assertThat(hit.usage().orElseThrow().totalTokens()).isZero();
        assertThat(hit.usage().orElseThrow().promptTokensDetails().orElseThrow().cachedTokens())
                .hasValue(0L);
    }

    @Test
    void chatStream(TestInfo test) {
        provider.does(answer("chat.sse"));
        ChatCompletionAccumulator whole = ChatCompletionAccumulator.create();
        Got<ChatCompletionChunk> hit = missThenHit(
                () -> openaiStream(openai.chat().completions().withRawResponse()::createStreaming, question(test)));
        hit.parsed().forEach(whole::accumulate);
        assertThat(hit.parsed()).hasSize(5).extracting(ChatCompletionChunk::id).containsOnly(hit.generation());
        assertThat(whole.chatCompletion().choices().get(0).message().content()).hasValue("Grüße, \"id\": \"x\" 😀");
        assertThat(whole.chatCompletion().usage().orElseThrow().totalTokens()).isZero();
    }

    @Test
    void chatWithToolCalls(TestInfo test) {
        provider.does(answer("chat-tools.json"));
        ChatCompletion hit = missThenHit(
                        () -> openai(openai.chat().completions().withRawResponse()::create, question(test)))
                .parsed(0);
        assertThat(hit.id()).matches(GENERATED);
        assertThat(hit.choices().get(0).message().toolCalls().orElseThrow())
                .extracting(ChatCompletionMessageToolCall::asFunction)
                .extracting(call -> call.id(), call -> call.function().arguments())
                .containsExactly(
                        tuple("call_abc123", "{\n\"location\": \"Boston, MA\",\n\"id\": \"not the answer's\"\n}"),
                        tuple("call_def456", "{\"location\":\"Köln\"}"));
    }

    @Test
    void chatStreamWithToolCalls(TestInfo test) {
        provider.does(answer("chat-tools.sse"));
        ChatCompletionAccumulator whole = ChatCompletionAccumulator.create();
        missThenHit(() -> openaiStream(openai.chat().completions().withRawResponse()::createStreaming, question(test)))
                .parsed()
                .forEach(whole::accumulate);
        ChatCompletionMessageToolCall call = whole.chatCompletion()
                .choices()
                .get(0)
                .message()
                .toolCalls()
                .orElseThrow()
                .get(0);
        assertThat(whole.chatCompletion().id()).matches(GENERATED);
        assertThat(call.asFunction().id()).isEqualTo("call_abc123");
        assertThat(call.asFunction().function().arguments()).isEqualTo("{\"location\":\"Boston\"}");
    }

    @Test
    void responses(TestInfo test) {
        provider.does(answer("responses.json"));
        Response hit = missThenHit(() -> openai(openai.responses().withRawResponse()::create, prompt(test)))
                .parsed(0);
        assertThat(hit.id()).matches(GENERATED);
        assertThat(hit.output().get(0).asMessage().id()).startsWith("msg_67cc");
        assertThat(hit.output().get(1).asFunctionCall().callId()).isEqualTo("call_unLAR8MvFNptuiZK6K6HCy5k");
        assertThat(hit.usage().orElseThrow().totalTokens()).isZero();
        assertThat(hit.usage().orElseThrow().inputTokensDetails().cachedTokens())
                .isZero();
    }

    @Test
    void responsesStream(TestInfo test) {
        provider.does(answer("responses.sse"));
        ResponseAccumulator whole = ResponseAccumulator.create();
        Got<ResponseStreamEvent> hit =
                missThenHit(() -> openaiStream(openai.responses().withRawResponse()::createStreaming, prompt(test)));
        hit.parsed().forEach(whole::accumulate);
        assertThat(hit.parsed()).hasSize(10);
        assertThat(hit.parsed().get(0).asCreated().response().id()).isEqualTo(hit.generation());
        assertThat(whole.response().id()).isEqualTo(hit.generation());
        assertThat(whole.response().usage().orElseThrow().totalTokens()).isZero();
        assertThat(whole.response().output().get(0).asMessage().id()).startsWith("msg_67c9");
    }

    @Test
    void embeddings(TestInfo test) {
        provider.does(answer("embeddings.json"));
        CreateEmbeddingResponse hit = missThenHit(() -> openai(
                        openai.embeddings().withRawResponse()::create,
                        EmbeddingCreateParams.builder()
                                .model("text-embedding-3-small")
                                .inputOfArrayOfStrings(List.of(test.getDisplayName(), "another"))
                                .build()))
                .parsed(0);
        assertThat(hit.data().get(0).embedding()).containsExactly(0.0023064255f, -0.009327292f, -1.5e-05f, 0.011293f);
        assertThat(hit.usage().totalTokens()).isZero();
    }

    // ------------------------------------------------------------------------------------------------------- Anthropic

    @Test
    void messages(TestInfo test) {
        provider.does(answer("messages.json"));
        Message hit = missThenHit(() -> anthropic(anthropic.messages().withRawResponse()::create, message(test)))
                .parsed(0);
        assertThat(hit.id()).matches(GENERATED);
        assertThat(hit.content().get(0).asText().text()).endsWith("\"usage\": {\"input_tokens\": 7}");
        assertThat(hit.usage().inputTokens()).isZero();
        assertThat(hit.usage().cacheReadInputTokens()).hasValue(0L);
    }

    @Test
    void messagesStream(TestInfo test) {
        provider.does(answer("messages.sse"));
        MessageAccumulator whole = MessageAccumulator.create();
        Got<RawMessageStreamEvent> hit = missThenHit(
                () -> anthropicStream(anthropic.messages().withRawResponse()::createStreaming, message(test)));
        hit.parsed().forEach(whole::accumulate);
        assertThat(whole.message().id()).isEqualTo(hit.generation());
        assertThat(whole.message().content().get(0).asText().text()).isEqualTo("Hello, Grüße!");
        assertThat(whole.message().usage().inputTokens()).isZero();
        assertThat(whole.message().usage().outputTokens()).isZero();
    }

    @Test
    void messagesWithToolUse(TestInfo test) {
        provider.does(answer("messages-tools.json"));
        Message hit = missThenHit(() -> anthropic(anthropic.messages().withRawResponse()::create, message(test)))
                .parsed(0);
        ToolUseBlock call = hit.content().get(1).asToolUse();
        assertThat(hit.id()).matches(GENERATED);
        assertThat(call.id()).isEqualTo("toolu_01A09q90qw90lq917835lq9");
        assertThat(call._input().toString()).contains("not the answer's", "limit=3");
        assertThat(hit.usage().outputTokens()).isZero();
    }

    @Test
    void messagesStreamWithToolUse(TestInfo test) {
        provider.does(answer("messages-tools.sse"));
        MessageAccumulator whole = MessageAccumulator.create();
        missThenHit(() -> anthropicStream(anthropic.messages().withRawResponse()::createStreaming, message(test)))
                .parsed()
                .forEach(whole::accumulate);
        ToolUseBlock call = whole.message().content().get(0).asToolUse();
        assertThat(whole.message().id()).matches(GENERATED);
        assertThat(call.id()).isEqualTo("toolu_01T1x1fJ34qAmk2tNTrN7Up6");
        assertThat(call._input().toString()).contains("San Francisco, CA");
        assertThat(whole.message().usage().outputTokens()).isZero();
    }

    // -------------------------------------------------------------------------------------------------------- requests

    /** Each test sends its own requests, so that all can share one store. */
    private static ChatCompletionCreateParams question(TestInfo test) {
        return ChatCompletionCreateParams.builder()
                .model("gpt-4.1")
                .addDeveloperMessage("Be brief.")
                .addUserMessage(test.getDisplayName())
                .temperature(0.2)
                .build();
    }

    private static ResponseCreateParams prompt(TestInfo test) {
        return ResponseCreateParams.builder()
                .model("gpt-4.1")
                .input(test.getDisplayName())
                .build();
    }

    private static MessageCreateParams message(TestInfo test) {
        return MessageCreateParams.builder()
                .model("claude-sonnet-4-20250514")
                .maxTokens(1024)
                .addUserMessage(test.getDisplayName())
                .build();
    }

    // --------------------------------------------------------------------------------------------------------- answers

    /**
     * The result of one call.
     *
     * @param parsed the SDK's objects: one, or the events of a stream
     * @param trees the same objects as JSON, written by the SDK
     */
    private record Got<T>(Function<String, String> header, List<T> parsed, List<JsonNode> trees) {
        String generation() {
            return header.apply("X-Generation-Id");
        }

        T parsed(int index) {
            return parsed.get(index);
        }
    }

    private static <P, T> Got<T> openai(Function<P, com.openai.core.http.HttpResponseFor<T>> call, P params) {
        try (com.openai.core.http.HttpResponseFor<T> response = call.apply(params)) {
            return openai(response, List.of(response.parse()));
        }
    }

    private static <P, T> Got<T> openaiStream(
            Function<P, com.openai.core.http.HttpResponseFor<com.openai.core.http.StreamResponse<T>>> call, P params) {
        try (com.openai.core.http.HttpResponseFor<com.openai.core.http.StreamResponse<T>> response =
                        call.apply(params);
                com.openai.core.http.StreamResponse<T> events = response.parse()) {
            return openai(response, events.stream().toList());
        }
    }

    private static <T> Got<T> openai(com.openai.core.http.HttpResponse response, List<T> parsed) {
        return new Got<>(
                name -> response.headers().values(name).stream().findFirst().orElse(null),
                parsed,
                parsed.stream()
                        .map(com.openai.core.ObjectMappers.jsonMapper()::<JsonNode>valueToTree)
                        .toList());
    }

    private static <P, T> Got<T> anthropic(Function<P, com.anthropic.core.http.HttpResponseFor<T>> call, P params) {
        try (com.anthropic.core.http.HttpResponseFor<T> response = call.apply(params)) {
            return anthropic(response, List.of(response.parse()));
        }
    }

    private static <P, T> Got<T> anthropicStream(
            Function<P, com.anthropic.core.http.HttpResponseFor<com.anthropic.core.http.StreamResponse<T>>> call,
            P params) {
        try (com.anthropic.core.http.HttpResponseFor<com.anthropic.core.http.StreamResponse<T>> response =
                        call.apply(params);
                com.anthropic.core.http.StreamResponse<T> events = response.parse()) {
            return anthropic(response, events.stream().toList());
        }
    }

    private static <T> Got<T> anthropic(com.anthropic.core.http.HttpResponse response, List<T> parsed) {
        return new Got<>(
                name -> response.headers().values(name).stream().findFirst().orElse(null),
                parsed,
                parsed.stream()
                        .map(com.anthropic.core.ObjectMappers.jsonMapper()::<JsonNode>valueToTree)
                        .toList());
    }

    /** Makes a call twice, checks both, and returns the hit. */
    private static <T> Got<T> missThenHit(Supplier<Got<T>> call) {
        int calls = provider.calls();
        Got<T> miss = call.get();
        assertThat(miss.header().apply("X-OpenRouter-Cache-Status")).isEqualTo("MISS");

        long before = System.currentTimeMillis() / 1000;
        Got<T> hit = call.get();
        long after = System.currentTimeMillis() / 1000;
        assertThat(hit.header().apply("X-OpenRouter-Cache-Status")).isEqualTo("HIT");
        assertThat(hit.header().apply("X-OpenRouter-Cache-Source-Id")).isEqualTo(miss.generation());
        assertThat(hit.generation()).matches(GENERATED).isNotEqualTo(miss.generation());
        assertThat(provider.calls()).isEqualTo(calls + 1);

        hit.trees().forEach(tree -> assertThat(times(tree)).allMatch(time -> time >= before && time <= after));
        assertThat(hit.trees().stream().map(SdkIT::timeless).toList())
                .isNotEmpty()
                .isEqualTo(miss.trees().stream()
                        .map(tree -> timeless(withUsageZero(withId(tree, hit.generation()))))
                        .toList());
        return hit;
    }

    // ------------------------------------------------------------------------------- wire rule W25, on trees of JSON

    private static final List<String> TIMES = List.of("created", "created_at", "completed_at");

    /** The objects that can hold the fields of W25: the tree itself, or a part of an event that carries the answer. */
    private static List<ObjectNode> carriers(JsonNode tree) {
        return Stream.of(tree, tree.get("response"), tree.get("message"))
                .filter(ObjectNode.class::isInstance)
                .map(ObjectNode.class::cast)
                .toList();
    }

    private static List<Long> times(JsonNode tree) {
        return carriers(tree).stream()
                .flatMap(carrier -> TIMES.stream().map(carrier::path))
                .filter(JsonNode::isNumber)
                .map(JsonNode::longValue)
                .toList();
    }

    /** The tree with zero for each time. Trees are compared as texts, because a tree has several kinds of zero. */
    private static String timeless(JsonNode tree) {
        JsonNode copy = tree.deepCopy();
        carriers(copy)
                .forEach(carrier -> TIMES.stream()
                        .filter(time -> carrier.path(time).isNumber())
                        .forEach(time -> carrier.put(time, 0)));
        return copy.toString();
    }

    private static JsonNode withId(JsonNode tree, String id) {
        JsonNode copy = tree.deepCopy();
        carriers(copy).stream().filter(carrier -> carrier.has("id")).forEach(carrier -> carrier.put("id", id));
        return copy;
    }

    private static JsonNode withUsageZero(JsonNode tree) {
        JsonNode copy = tree.deepCopy();
        carriers(copy).forEach(carrier -> zero(carrier.path("usage")));
        return copy;
    }

    private static void zero(JsonNode tree) {
        if (tree instanceof ObjectNode object) {
            object.fieldNames().forEachRemaining(name -> {
                if (object.get(name).isNumber()) {
                    object.put(name, 0);
                } else {
                    zero(object.get(name));
                }
            });
        }
    }

    private static ScriptedProvider.Script answer(String resource) {
        String text;
        try (InputStream in = Objects.requireNonNull(SdkIT.class.getResourceAsStream("/vendor/" + resource))) {
            text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return (exchange, request) -> {
            if (resource.endsWith(".sse")) {
                ScriptedProvider.stream(exchange, text.split("(?<=\n\n)"));
            } else {
                ScriptedProvider.json(exchange, 200, text);
            }
        };
    }
}
