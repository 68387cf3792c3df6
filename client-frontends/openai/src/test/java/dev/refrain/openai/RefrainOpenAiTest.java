package dev.refrain.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OkHttpClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.Timeout;
import com.openai.core.http.Headers;
import com.openai.core.http.HttpResponseFor;
import com.openai.errors.OpenAIIoException;
import com.openai.errors.OpenAIServiceException;
import com.openai.errors.RateLimitException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.embeddings.CreateEmbeddingResponse;
import com.openai.models.embeddings.EmbeddingCreateParams;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseCreateParams;
import dev.refrain.engine.ResponseCache;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The SDK as a program uses it, with the line that adds the cache. */
class RefrainOpenAiTest {
    private static final String STATUS = "X-OpenRouter-Cache-Status";
    private static final String CHAT = """
            {"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,\
            "message":{"role":"assistant","content":"Hello","refusal":null},"logprobs":null,"finish_reason":"stop"}],\
            "usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}""";
    private static final String[] STREAM = {
        chunk("{\"role\":\"assistant\",\"content\":\"Hel\"}", "null"),
        chunk("{\"content\":\"lo\"}", "null"),
        chunk("{}", "\"stop\""),
        "data: [DONE]\n\n"
    };
    private static final String RESPONSE = """
            {"id":"resp_1","object":"response","created_at":1700000000,"status":"completed","error":null,\
            "incomplete_details":null,"instructions":null,"metadata":{},"model":"m","output":[],\
            "parallel_tool_calls":true,"temperature":1.0,"tool_choice":"auto","tools":[],"top_p":1.0}""";
    private static final String EMBEDDINGS = """
            {"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":[0.5,0.25]}],\
            "usage":{"prompt_tokens":3,"total_tokens":3}}""";

    private final ResponseCache cache = open();
    private ScriptedProvider provider;
    private OpenAIClient client;

    private static String chunk(String delta, String reason) {
        return "data: {\"id\":\"chatcmpl-9\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
                + "\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":" + delta + ",\"finish_reason\":" + reason
                + "}]}\n\n";
    }

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
            } else if (request.uri().endsWith("/responses")) {
                ScriptedProvider.json(exchange, 200, RESPONSE);
            } else if (request.body().contains("\"stream\":true")) {
                ScriptedProvider.stream(exchange, STREAM);
            } else {
                ScriptedProvider.json(exchange, 200, CHAT);
            }
        });
        client = OpenAIOkHttpClient.builder()
                .baseUrl(provider.base().toString())
                .apiKey("sk-test")
                .build()
                .withOptions(o ->
                        o.httpClient(RefrainOpenAi.wrap(OkHttpClient.builder().build(), cache)));
    }

    @AfterEach
    void stop() {
        client.close();
        cache.close();
        provider.close();
    }

    private static ChatCompletionCreateParams chat() {
        return ChatCompletionCreateParams.builder()
                .model("m")
                .addUserMessage("hi")
                .build();
    }

    private static String text(ChatCompletion answer) {
        return answer.choices().get(0).message().content().orElseThrow();
    }

    @Test
    void aRepeatedRequestCostsNothing() {
        ChatCompletion first = client.chat().completions().create(chat());
        ChatCompletion second = client.chat().completions().create(chat());
        assertThat(first.id()).isEqualTo("chatcmpl-1");
        assertThat(second.id()).startsWith("gen-");
        assertThat(text(second)).isEqualTo(text(first)).isEqualTo("Hello");
        assertThat(first.usage().orElseThrow().totalTokens()).isEqualTo(21);
        assertThat(second.usage().orElseThrow().totalTokens()).isZero();
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void theRawResponseShowsWhatTheCacheDid() {
        List<String> statuses = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            try (HttpResponseFor<ChatCompletion> raw =
                    client.withRawResponse().chat().completions().create(chat())) {
                Headers headers = raw.headers();
                statuses.addAll(headers.values(STATUS));
                assertThat(headers.values("Cache-Status")).hasSize(1);
                assertThat(text(raw.parse())).isEqualTo("Hello");
            }
        }
        assertThat(statuses).containsExactly("MISS", "HIT");
    }

    @Test
    void streamsAreRepeatedAndCanBeLeft() {
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            ChatCompletionAccumulator whole = ChatCompletionAccumulator.create();
            try (var stream = client.chat().completions().createStreaming(chat())) {
                // The first program leaves after one piece; its answer is fetched to the end all the same.
                stream.stream().limit(i == 0 ? 1 : Long.MAX_VALUE).forEach(piece -> {
                    if (ids.isEmpty() || !ids.contains(piece.id())) {
                        ids.add(piece.id());
                    }
                    whole.accumulate(piece);
                });
            }
            if (i > 0) {
                assertThat(text(whole.chatCompletion())).isEqualTo("Hello");
            }
        }
        assertThat(ids).hasSize(3).first().isEqualTo("chatcmpl-9");
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void theAsyncClientIsCachedToo() throws Exception {
        for (int i = 0; i < 2; i++) {
            assertThat(text(client.async().chat().completions().create(chat()).get(60, TimeUnit.SECONDS)))
                    .isEqualTo("Hello");
            List<String> pieces = new CopyOnWriteArrayList<>();
            client.async()
                    .chat()
                    .completions()
                    .createStreaming(chat())
                    .subscribe(piece -> piece.choices().get(0).delta().content().ifPresent(pieces::add))
                    .onCompleteFuture()
                    .get(60, TimeUnit.SECONDS);
            assertThat(pieces).containsExactly("Hel", "lo");
        }
        assertThat(provider.calls()).isEqualTo(2);
    }

    @Test
    void responsesAndEmbeddingsAreCachedToo() {
        ResponseCreateParams ask =
                ResponseCreateParams.builder().model("m").input("hi").build();
        EmbeddingCreateParams embed =
                EmbeddingCreateParams.builder().model("m").input("hi").build();
        String id = null;
        for (int i = 0; i < 2; i++) {
            Response answer = client.responses().create(ask);
            id = answer.id();
            CreateEmbeddingResponse vectors = client.embeddings().create(embed);
            assertThat(vectors.data().get(0).embedding()).containsExactly(0.5f, 0.25f);
        }
        assertThat(id).startsWith("gen-");
        assertThat(provider.calls()).isEqualTo(2);
        // W26b: the id of a hit leads to the provider's answer.
        client.responses().retrieve(id);
        client.responses().create(ask.toBuilder().previousResponseId(id).build());
        assertThat(provider.received().get(2).uri()).isEqualTo("/api/v1/responses/resp_1");
        assertThat(provider.received().get(3).body()).contains("\"previous_response_id\":\"resp_1\"");
    }

    @Test
    void errorsAreTheSdksAndEachAttemptMeetsTheCacheOnce() {
        AtomicInteger calls = new AtomicInteger();
        provider.does((exchange, request) -> {
            boolean busy = calls.getAndIncrement() < 1;
            exchange.getResponseHeaders().set("Retry-After-Ms", "1");
            ScriptedProvider.json(exchange, busy ? 429 : 200, busy ? "{\"error\":{\"message\":\"slow\"}}" : CHAT);
        });
        assertThat(text(client.chat().completions().create(chat()))).isEqualTo("Hello");
        assertThat(calls).hasValue(2);
        assertThat(client.chat().completions().create(chat()).id()).startsWith("gen-");

        OpenAIClient impatient = client.withOptions(o -> o.maxRetries(0));
        provider.does((exchange, request) ->
                ScriptedProvider.json(exchange, 429, "{\"error\":{\"message\":\"slow\",\"type\":\"t\"}}"));
        ChatCompletionCreateParams other = chat().toBuilder().model("n").build();
        assertThatThrownBy(() -> impatient.chat().completions().create(other))
                .isInstanceOf(RateLimitException.class)
                .hasMessageContaining("slow");
        ChatCompletionCreateParams stored = other.toBuilder()
                .putAdditionalHeader("Cache-Control", "only-if-cached")
                .build();
        int before = provider.calls();
        // W32: the SDK is told not to try again.
        assertThatThrownBy(() -> client.chat().completions().create(stored))
                .isInstanceOfSatisfying(
                        OpenAIServiceException.class,
                        refused -> assertThat(refused.statusCode()).isEqualTo(504));
        assertThat(provider.calls()).isEqualTo(before);
    }

    /**
     * Makes the provider answer only once {@code proceed} opens. The returned latch opens when the provider is called.
     */
    private CountDownLatch silentUntil(CountDownLatch proceed) {
        CountDownLatch called = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            called.countDown();
            assertThat(proceed.await(60, TimeUnit.SECONDS)).isTrue();
            ScriptedProvider.json(exchange, 200, CHAT);
        });
        return called;
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theClientsTimeLimitsHoldWhenItJoinsACallWithALongerLimit(boolean isOfAllTheRequest) throws Exception {
        CountDownLatch proceed = new CountDownLatch(1);
        CountDownLatch called = silentUntil(proceed);
        var patient = client.async().chat().completions().create(chat());
        assertThat(called.await(60, TimeUnit.SECONDS)).isTrue();
        Duration soon = Duration.ofMillis(100);
        Timeout limits = isOfAllTheRequest
                ? Timeout.builder().request(soon).read(Duration.ofHours(1)).build()
                : Timeout.builder().request(Duration.ofHours(1)).read(soon).build();
        OpenAIClient hasty = client.withOptions(o -> o.timeout(limits).maxRetries(0));
        assertThatThrownBy(() -> hasty.chat().completions().create(chat()))
                .isInstanceOf(OpenAIIoException.class)
                .hasCauseInstanceOf(InterruptedIOException.class);
        assertThatThrownBy(
                        () -> hasty.async().chat().completions().create(chat()).get(60, TimeUnit.SECONDS))
                .hasCauseInstanceOf(OpenAIIoException.class);
        proceed.countDown();
        assertThat(text(patient.get(60, TimeUnit.SECONDS))).isEqualTo("Hello");
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void theClientsTimeLimitHoldsOnAMissAndCostsNobodyElseTheAnswer() throws Exception {
        CountDownLatch proceed = new CountDownLatch(1);
        CountDownLatch called = silentUntil(proceed);
        OpenAIClient hasty =
                client.withOptions(o -> o.timeout(Duration.ofSeconds(1)).maxRetries(0));
        var leader = hasty.async().chat().completions().create(chat());
        assertThat(called.await(60, TimeUnit.SECONDS)).isTrue();
        var patient = client.async().chat().completions().create(chat());
        assertThatThrownBy(() -> leader.get(60, TimeUnit.SECONDS)).hasCauseInstanceOf(OpenAIIoException.class);
        assertThatThrownBy(() -> hasty.chat()
                        .completions()
                        .create(chat().toBuilder().model("n").build()))
                .isInstanceOf(OpenAIIoException.class);
        proceed.countDown();
        // W28: the patient client calls the provider itself, since the call that it had joined has failed.
        assertThat(text(patient.get(60, TimeUnit.SECONDS))).isEqualTo("Hello");
    }

    @Test
    void w29_aFutureThatIsCancelledLeavesItsAnswerToTheNext() throws Exception {
        CountDownLatch proceed = new CountDownLatch(1);
        CountDownLatch called = silentUntil(proceed);
        var future = client.async().chat().completions().create(chat());
        assertThat(called.await(60, TimeUnit.SECONDS)).isTrue();
        future.cancel(true);
        proceed.countDown();
        assertThat(client.chat().completions().create(chat()).id()).startsWith("gen-");
        assertThat(provider.calls()).isEqualTo(1);
    }
}
