package dev.refrain.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.http.client.HttpClient;
import dev.langchain4j.http.client.HttpClientBuilder;
import dev.langchain4j.http.client.HttpClientBuilderLoader;
import dev.langchain4j.http.client.HttpMethod;
import dev.langchain4j.http.client.HttpRequest;
import dev.langchain4j.http.client.SuccessfulHttpResponse;
import dev.langchain4j.http.client.sse.ServerSentEventListener;
import dev.langchain4j.http.client.sse.ServerSentEventParser;
import dev.langchain4j.model.anthropic.AnthropicChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.testing.OwnThread;
import dev.refrain.testing.ScriptedProvider;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Models of LangChain4j as a program uses them, with the line that adds the cache. */
class RefrainLangChain4jTest {
    private static final String CHAT = """
            {"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,\
            "message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],\
            "usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}""";
    private static final String TOOL = """
            {"id":"chatcmpl-2","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,\
            "message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":\
            {"name":"weather","arguments":"{\\"city\\":\\"Bern\\"}"}}]},"finish_reason":"tool_calls"}]}""";
    private static final String MESSAGE = """
            {"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hello"}],\
            "stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":12}}""";
    private static final String EMBEDDINGS = """
            {"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":[0.5,0.25]}],\
            "usage":{"prompt_tokens":3,"total_tokens":3}}""";

    private static final String[] STREAM = {
        chunk("{\"role\":\"assistant\",\"content\":\"Hel\"}", "null"),
        chunk("{\"content\":\"lo\"}", "null"),
        chunk("{}", "\"stop\""),
        "data: [DONE]\n\n"
    };

    private final ResponseCache cache = open();
    private ScriptedProvider provider;

    private static ResponseCache open() {
        try {
            return ResponseCache.onHeap(16L << 20).open();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @BeforeEach
    void start() throws IOException {
        provider = new ScriptedProvider();
        provider.does((exchange, request) -> {
            if (request.uri().endsWith("/embeddings")) {
                ScriptedProvider.json(exchange, 200, EMBEDDINGS);
            } else if (request.uri().endsWith("/messages")) {
                ScriptedProvider.json(exchange, 200, MESSAGE);
            } else if (isStreamed(request.body())) {
                ScriptedProvider.stream(exchange, STREAM);
            } else {
                ScriptedProvider.json(exchange, 200, request.body().contains("tools") ? TOOL : CHAT);
            }
        });
    }

    @AfterEach
    void stop() {
        cache.close();
        provider.close();
    }

    private static String chunk(String delta, String reason) {
        return "data: {\"id\":\"chatcmpl-9\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
                + "\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":" + delta + ",\"finish_reason\":" + reason
                + "}]}\n\n";
    }

    private static boolean isStreamed(String body) {
        return body.replaceAll("\\s", "").contains("\"stream\":true");
    }

    private HttpClientBuilder cached() {
        return RefrainLangChain4j.wrap(HttpClientBuilderLoader.loadHttpClientBuilder(), cache);
    }

    private OpenAiChatModel openAi() {
        return OpenAiChatModel.builder()
                .baseUrl(provider.base().toString())
                .apiKey("sk-test")
                .modelName("m")
                .httpClientBuilder(cached())
                .build();
    }

    @Test
    void aRepeatedChatCostsNothing() {
        // A new model each time: stored answers belong to the cache, not to a model.
        ChatResponse first = openAi().chat(UserMessage.from("hi"));
        ChatResponse second = openAi().chat(UserMessage.from("hi"));
        assertThat(first.aiMessage().text()).isEqualTo("Hello");
        assertThat(second.aiMessage().text()).isEqualTo("Hello");
        assertThat(first.tokenUsage().totalTokenCount()).isEqualTo(21);
        assertThat(second.tokenUsage().totalTokenCount()).isZero();
        assertThat(second.id()).startsWith("gen-");
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void toolCallsAreRepeatedAsTheyCame() {
        ChatRequest request = ChatRequest.builder()
                .messages(UserMessage.from("weather?"))
                .toolSpecifications(ToolSpecification.builder().name("weather").build())
                .build();
        for (int i = 0; i < 2; i++) {
            var calls = openAi().chat(request).aiMessage().toolExecutionRequests();
            assertThat(calls).singleElement().satisfies(call -> {
                assertThat(call.id()).isEqualTo("call_1");
                assertThat(call.arguments()).isEqualTo("{\"city\":\"Bern\"}");
            });
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    /** The JDK's client parses on the calling thread if the answer is there at once; other clients always do. */
    @Test
    @Timeout(60)
    void aClientMayParseAStreamOnTheThreadThatCallsIt() throws Exception {
        HttpClient parsing = new HttpClient() {
            @Override
            public SuccessfulHttpResponse execute(HttpRequest request) {
                throw new AssertionError();
            }

            @Override
            public void execute(HttpRequest request, ServerSentEventParser parser, ServerSentEventListener listener) {
                listener.onOpen(SuccessfulHttpResponse.builder()
                        .statusCode(200)
                        .headers(Map.of())
                        .build());
                parser.parse(new ByteArrayInputStream("data: [DONE]\n\n".getBytes(StandardCharsets.UTF_8)), listener);
                listener.onClose();
            }
        };
        HttpRequest request =
                HttpRequest.builder().method(HttpMethod.POST).url("http://h/v1").build();
        try (InputStream body = StreamedAnswer.of(parsing, request).body()) {
            assertThat(new String(body.readAllBytes(), StandardCharsets.UTF_8)).isEqualTo("data: [DONE]\n\n");
        }
    }

    @Test
    void streamsAreRepeatedOnTheThreadThatAsks() throws Exception {
        OpenAiStreamingChatModel model = streaming(null);
        for (int i = 0; i < 2; i++) {
            List<String> pieces = new CopyOnWriteArrayList<>();
            List<Thread> told = new CopyOnWriteArrayList<>();
            CompletableFuture<ChatResponse> done = new CompletableFuture<>();
            model.chat("hi", new StreamingChatResponseHandler() {
                @Override
                public void onPartialResponse(String piece) {
                    pieces.add(piece);
                    told.add(Thread.currentThread());
                }

                @Override
                public void onCompleteResponse(ChatResponse response) {
                    done.complete(response);
                }

                @Override
                public void onError(Throwable error) {
                    done.completeExceptionally(error);
                }
            });
            if (i > 0) {
                assertThat(done).isDone();
                assertThat(told).containsOnly(Thread.currentThread());
            }
            assertThat(done.get(60, TimeUnit.SECONDS).aiMessage().text()).isEqualTo("Hello");
            assertThat(pieces).containsExactly("Hel", "lo");
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void otherProvidersAndEmbeddingsTakeTheSameLine() {
        for (int i = 0; i < 2; i++) {
            AnthropicChatModel anthropic = AnthropicChatModel.builder()
                    .baseUrl(provider.base().toString())
                    .apiKey("sk-test")
                    .modelName("m")
                    .httpClientBuilder(cached())
                    .build();
            assertThat(anthropic.chat("hi")).isEqualTo("Hello");
            OpenAiEmbeddingModel embeddings = OpenAiEmbeddingModel.builder()
                    .baseUrl(provider.base().toString())
                    .apiKey("sk-test")
                    .modelName("m")
                    .httpClientBuilder(cached())
                    .build();
            assertThat(embeddings.embed("hi").content().vector()).containsExactly(0.5f, 0.25f);
        }
        assertThat(provider.calls()).isEqualTo(2);
    }

    @Test
    void theModelsTimeLimitHoldsOnAMissAndWhenItJoinsACallWithALongerLimit() throws Exception {
        CountDownLatch called = new CountDownLatch(2);
        CountDownLatch proceed = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            called.countDown();
            assertThat(proceed.await(60, TimeUnit.SECONDS)).isTrue();
            if (isStreamed(request.body())) {
                ScriptedProvider.stream(exchange, STREAM);
            } else {
                ScriptedProvider.json(exchange, 200, CHAT);
            }
        });
        CompletableFuture<String> patient = CompletableFuture.supplyAsync(
                () -> openAi().chat(UserMessage.from("hi")).aiMessage().text(), OwnThread.EACH);
        CompletableFuture<ChatResponse> patientStream = ask(streaming(null), "hi");
        assertThat(called.await(60, TimeUnit.SECONDS)).isTrue();
        Duration soon = Duration.ofMillis(200);
        OpenAiChatModel hasty = OpenAiChatModel.builder()
                .baseUrl(provider.base().toString())
                .apiKey("sk-test")
                .modelName("m")
                .maxRetries(0)
                .timeout(soon)
                .httpClientBuilder(cached())
                .build();
        for (String text : List.of("hi", "ho")) {
            assertThatThrownBy(() -> hasty.chat(UserMessage.from(text))).isInstanceOf(TimeoutException.class);
            assertThatThrownBy(() -> ask(streaming(soon), text).get(60, TimeUnit.SECONDS))
                    .hasCauseInstanceOf(TimeoutException.class);
        }
        proceed.countDown();
        assertThat(patient.get(60, TimeUnit.SECONDS)).isEqualTo("Hello");
        assertThat(patientStream.get(60, TimeUnit.SECONDS).aiMessage().text()).isEqualTo("Hello");
    }

    /** A follower whose executor refuses tasks hears of the time limit on another thread. */
    @Test
    void aStreamsTimeLimitIsToldAlsoIfTheExecutorTakesNoMoreTasks() throws Exception {
        CountDownLatch called = new CountDownLatch(1);
        CountDownLatch proceed = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            called.countDown();
            assertThat(proceed.await(60, TimeUnit.SECONDS)).isTrue();
            ScriptedProvider.stream(exchange, STREAM);
        });
        CompletableFuture<ChatResponse> patient = ask(streaming(null), "hi");
        assertThat(called.await(60, TimeUnit.SECONDS)).isTrue();
        RefrainOptions shut = RefrainOptions.builder()
                .executor(task -> {
                    throw new RejectedExecutionException("shut down");
                })
                .build();
        OpenAiStreamingChatModel hasty = streaming(
                Duration.ofMillis(200),
                RefrainLangChain4j.wrap(HttpClientBuilderLoader.loadHttpClientBuilder(), cache, shut));
        assertThatThrownBy(() -> ask(hasty, "hi").get(60, TimeUnit.SECONDS)).hasCauseInstanceOf(TimeoutException.class);
        proceed.countDown();
        assertThat(patient.get(60, TimeUnit.SECONDS).aiMessage().text()).isEqualTo("Hello");
        assertThat(provider.calls()).isEqualTo(1);
    }

    private OpenAiStreamingChatModel streaming(Duration timeout) {
        return streaming(timeout, cached());
    }

    private OpenAiStreamingChatModel streaming(Duration timeout, HttpClientBuilder client) {
        return OpenAiStreamingChatModel.builder()
                .baseUrl(provider.base().toString())
                .apiKey("sk-test")
                .modelName("m")
                .timeout(timeout)
                .httpClientBuilder(client)
                .build();
    }

    private static CompletableFuture<ChatResponse> ask(OpenAiStreamingChatModel model, String text) {
        CompletableFuture<ChatResponse> done = new CompletableFuture<>();
        model.chat(text, new StreamingChatResponseHandler() {
            @Override
            public void onCompleteResponse(ChatResponse response) {
                done.complete(response);
            }

            @Override
            public void onError(Throwable error) {
                done.completeExceptionally(error);
            }
        });
        return done;
    }

    @Test
    void w29_aStreamThatIsCancelledIsStoredForTheNext() throws Exception {
        CountDownLatch cancelled = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            ScriptedProvider.stream(exchange, STREAM[0]);
            assertThat(cancelled.await(60, TimeUnit.SECONDS)).isTrue();
            for (int i = 1; i < STREAM.length; i++) {
                ScriptedProvider.write(exchange, STREAM[i]);
            }
        });
        List<String> pieces = new CopyOnWriteArrayList<>();
        streaming(null).chat("hi", new StreamingChatResponseHandler() {
            @Override
            public void onPartialResponse(PartialResponse piece, PartialResponseContext context) {
                pieces.add(piece.text());
                context.streamingHandle().cancel();
                cancelled.countDown();
            }

            @Override
            public void onCompleteResponse(ChatResponse response) {
                pieces.add("complete");
            }

            @Override
            public void onError(Throwable error) {
                pieces.add("failed");
            }
        });
        assertThat(cancelled.await(60, TimeUnit.SECONDS)).isTrue();
        ChatResponse next = ask(streaming(null), "hi").get(60, TimeUnit.SECONDS);
        assertThat(next.id()).startsWith("gen-");
        assertThat(next.aiMessage().text()).isEqualTo("Hello");
        assertThat(pieces).containsExactly("Hel");
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void errorsAreLangChain4jsAndEachAttemptMeetsTheCacheOnce() {
        AtomicInteger calls = new AtomicInteger();
        provider.does((exchange, request) -> {
            boolean isBusy = calls.getAndIncrement() < 1;
            ScriptedProvider.json(exchange, isBusy ? 429 : 200, isBusy ? "{\"error\":{\"message\":\"slow\"}}" : CHAT);
        });
        OpenAiChatModel impatient = OpenAiChatModel.builder()
                .baseUrl(provider.base().toString())
                .apiKey("sk-test")
                .modelName("m")
                .maxRetries(0)
                .httpClientBuilder(cached())
                .build();
        assertThatThrownBy(() -> impatient.chat("hi"))
                .isInstanceOf(RateLimitException.class)
                .hasMessageContaining("slow");
        assertThat(impatient.chat("hi")).isEqualTo("Hello");
        assertThat(impatient.chat("hi")).isEqualTo("Hello");
        assertThat(calls).hasValue(2);
    }
}
