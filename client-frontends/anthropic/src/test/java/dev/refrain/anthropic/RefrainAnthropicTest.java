package dev.refrain.anthropic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.anthropic.client.AnthropicClient;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.core.http.HttpResponseFor;
import com.anthropic.errors.AnthropicIoException;
import com.anthropic.errors.RateLimitException;
import com.anthropic.helpers.MessageAccumulator;
import com.anthropic.models.messages.Message;
import com.anthropic.models.messages.MessageCreateParams;
import dev.refrain.engine.ResponseCache;
import dev.refrain.testing.AnthropicAnswers;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
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

/** The SDK as a program uses it, with the line that adds the cache. */
class RefrainAnthropicTest {
    private static final String TOOL = """
            {"id":"msg_2","type":"message","role":"assistant","model":"m","content":[{"type":"tool_use","id":"toolu_1",\
            "name":"weather","input":{"id":"here","usage":{"n":3}}}],\
            "stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":12}}""";

    private final ResponseCache cache = open();
    private ScriptedProvider provider;
    private AnthropicClient client;

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
            if (request.body().contains("\"stream\":true")) {
                ScriptedProvider.stream(exchange, AnthropicAnswers.stream());
            } else {
                ScriptedProvider.json(
                        exchange, 200, request.body().contains("weather") ? TOOL : AnthropicAnswers.MESSAGE);
            }
        });
        client = AnthropicOkHttpClient.builder()
                // The SDK adds /v1.
                .baseUrl(provider.base().toString().replace("/v1", ""))
                .apiKey("sk-test")
                .addInterceptor(RefrainAnthropic.interceptor(cache))
                .build();
    }

    @AfterEach
    void stop() {
        client.close();
        cache.close();
        provider.close();
    }

    private static MessageCreateParams message(String text) {
        return MessageCreateParams.builder()
                .model("m")
                .maxTokens(100)
                .addUserMessage(text)
                .build();
    }

    private static String text(Message answer) {
        return answer.content().get(0).asText().text();
    }

    @Test
    void aRepeatedRequestCostsNothing() {
        Message first = client.messages().create(message("hi"));
        Message second = client.messages().create(message("hi"));
        assertThat(first.id()).isEqualTo("msg_1");
        assertThat(second.id()).startsWith("gen-");
        assertThat(text(second)).isEqualTo(text(first)).isEqualTo("Hello");
        assertThat(first.usage().outputTokens()).isEqualTo(12);
        assertThat(second.usage().outputTokens()).isZero();
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void toolCallsAreRepeatedAsTheyCame() {
        for (int i = 0; i < 2; i++) {
            var tool = client.messages()
                    .create(message("weather"))
                    .content()
                    .get(0)
                    .asToolUse();
            assertThat(tool.id()).isEqualTo("toolu_1");
            assertThat(tool._input().toString()).contains("here", "3");
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void theRawResponseShowsWhatTheCacheDid() {
        List<String> statuses = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            try (HttpResponseFor<Message> raw =
                    client.withRawResponse().messages().create(message("hi"))) {
                statuses.addAll(raw.headers().values("X-OpenRouter-Cache-Status"));
                assertThat(raw.headers().values("Cache-Status")).hasSize(1);
                assertThat(text(raw.parse())).isEqualTo("Hello");
            }
        }
        assertThat(statuses).containsExactly("MISS", "HIT");
    }

    @Test
    void streamsAreRepeated() {
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            MessageAccumulator whole = MessageAccumulator.create();
            try (var stream = client.messages().createStreaming(message("hi"))) {
                stream.stream().forEach(whole::accumulate);
            }
            assertThat(text(whole.message())).isEqualTo("Hello");
            ids.add(whole.message().id());
        }
        assertThat(ids.get(0)).isEqualTo("msg_1");
        assertThat(ids.get(1)).startsWith("gen-");
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void theAsyncClientIsCachedToo() throws Exception {
        for (int i = 0; i < 2; i++) {
            assertThat(text(client.async().messages().create(message("hi")).get(60, TimeUnit.SECONDS)))
                    .isEqualTo("Hello");
            List<String> texts = new CopyOnWriteArrayList<>();
            client.async()
                    .messages()
                    .createStreaming(message("hi"))
                    .subscribe(event -> event.contentBlockDelta()
                            .ifPresent(delta -> texts.add(delta.delta().asText().text())))
                    .onCompleteFuture()
                    .get(60, TimeUnit.SECONDS);
            assertThat(texts).containsExactly("Hello");
        }
        assertThat(provider.calls()).isEqualTo(2);
    }

    /** RefrainOpenAiTest tests this at length; both SDKs share the code for time limits. */
    @Test
    void theClientsTimeLimitHoldsOnAMissAndWhenItJoinsACallWithALongerLimit() throws Exception {
        CountDownLatch called = new CountDownLatch(1);
        CountDownLatch proceed = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            called.countDown();
            assertThat(proceed.await(60, TimeUnit.SECONDS)).isTrue();
            ScriptedProvider.json(exchange, 200, AnthropicAnswers.MESSAGE);
        });
        var patient = client.async().messages().create(message("hi"));
        assertThat(called.await(60, TimeUnit.SECONDS)).isTrue();
        AnthropicClient hasty =
                client.withOptions(o -> o.timeout(Duration.ofMillis(200)).maxRetries(0));
        for (String text : List.of("hi", "ho")) {
            assertThatThrownBy(() -> hasty.messages().create(message(text))).isInstanceOf(AnthropicIoException.class);
            assertThatThrownBy(
                            () -> hasty.async().messages().create(message(text)).get(60, TimeUnit.SECONDS))
                    .hasCauseInstanceOf(AnthropicIoException.class);
        }
        proceed.countDown();
        assertThat(text(patient.get(60, TimeUnit.SECONDS))).isEqualTo("Hello");
    }

    @Test
    void w29_aFutureThatIsCancelledLeavesItsAnswerToTheNext() throws Exception {
        CountDownLatch called = new CountDownLatch(1);
        CountDownLatch proceed = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            called.countDown();
            assertThat(proceed.await(60, TimeUnit.SECONDS)).isTrue();
            ScriptedProvider.json(exchange, 200, AnthropicAnswers.MESSAGE);
        });
        var future = client.async().messages().create(message("hi"));
        assertThat(called.await(60, TimeUnit.SECONDS)).isTrue();
        future.cancel(true);
        proceed.countDown();
        assertThat(client.messages().create(message("hi")).id()).startsWith("gen-");
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void errorsAreTheSdksAndEachAttemptMeetsTheCacheOnce() {
        AtomicInteger calls = new AtomicInteger();
        String busy = "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow\"}}";
        provider.does((exchange, request) -> {
            boolean isBusy = calls.getAndIncrement() < 1;
            exchange.getResponseHeaders().set("Retry-After-Ms", "1");
            ScriptedProvider.json(exchange, isBusy ? 429 : 200, isBusy ? busy : AnthropicAnswers.MESSAGE);
        });
        assertThat(text(client.messages().create(message("hi")))).isEqualTo("Hello");
        assertThat(calls).hasValue(2);
        assertThat(client.messages().create(message("hi")).id()).startsWith("gen-");

        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 429, busy));
        AnthropicClient impatient = client.withOptions(o -> o.maxRetries(0));
        assertThatThrownBy(() -> impatient.messages().create(message("ho")))
                .isInstanceOf(RateLimitException.class)
                .hasMessageContaining("slow");
    }
}
