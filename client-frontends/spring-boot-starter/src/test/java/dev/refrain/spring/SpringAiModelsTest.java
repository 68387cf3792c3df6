package dev.refrain.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.anthropic.errors.AnthropicServiceException;
import com.openai.errors.OpenAIServiceException;
import dev.refrain.engine.ResponseCache;
import dev.refrain.testing.AnthropicAnswers;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.ai.anthropic.AnthropicChatModel;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.embedding.EmbeddingModel;
import org.springframework.ai.openai.OpenAiChatModel;
import org.springframework.ai.tool.annotation.Tool;
import org.springframework.boot.Banner;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;

/** A Spring Boot program with the models that Boot configures, and the starter. */
class SpringAiModelsTest {
    private static final String CHAT = """
            {"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,\
            "message":{"role":"assistant","content":"Hello","refusal":null},"logprobs":null,"finish_reason":"stop"}],\
            "usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}""";
    private static final String CALLS_A_TOOL = """
            {"id":"chatcmpl-2","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,\
            "message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"call_1",\
            "type":"function","function":{"name":"weather","arguments":"{\\"city\\":\\"Oslo\\"}"}}]},\
            "logprobs":null,"finish_reason":"tool_calls"}],\
            "usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}""";
    private static final String[] STREAM = {
        chunk("{\"role\":\"assistant\",\"content\":\"Hel\"}", "null"),
        chunk("{\"content\":\"lo\"}", "null"),
        chunk("{}", "\"stop\""),
        "data: [DONE]\n\n"
    };
    private static final String EMBEDDINGS = """
            {"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":[0.5,0.25]}],\
            "usage":{"prompt_tokens":3,"total_tokens":3}}""";

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static ScriptedProvider provider;
    private static ConfigurableApplicationContext context;

    @EnableAutoConfiguration
    static class Program {}

    /** A tool that the model may call. */
    static final class Weather {
        final AtomicInteger calls = new AtomicInteger();

        @Tool(description = "The weather in a city")
        public String weather(String city) {
            calls.incrementAndGet();
            return "rain in " + city;
        }
    }

    private static String chunk(String delta, String reason) {
        return "data: {\"id\":\"chatcmpl-9\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
                + "\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":" + delta + ",\"finish_reason\":" + reason
                + "}]}\n\n";
    }

    @BeforeAll
    static void start() throws IOException {
        provider = new ScriptedProvider();
        context = new SpringApplicationBuilder(Program.class)
                .web(WebApplicationType.NONE)
                .bannerMode(Banner.Mode.OFF)
                .properties(
                        "refrain.store=heap",
                        "refrain.capacity=16MB",
                        "refrain.cache.default=on",
                        "spring.ai.openai.base-url=" + provider.base(),
                        "spring.ai.openai.api-key=sk-test",
                        "spring.ai.openai.max-retries=0",
                        // The SDK adds /v1.
                        "spring.ai.anthropic.base-url="
                                + provider.base().toString().replace("/v1", ""),
                        "spring.ai.anthropic.api-key=sk-ant-test",
                        "spring.ai.anthropic.max-retries=0",
                        "logging.level.root=warn")
                .run();
    }

    @BeforeEach
    void script() {
        context.getBean(ResponseCache.class).admin().clear();
        provider.received().clear();
        provider.does((exchange, request) -> {
            boolean streams = request.body().contains("\"stream\":true");
            if (request.uri().endsWith("/embeddings")) {
                ScriptedProvider.json(exchange, 200, EMBEDDINGS);
            } else if (request.uri().endsWith("/messages")) {
                if (streams) {
                    ScriptedProvider.stream(exchange, AnthropicAnswers.stream());
                } else {
                    ScriptedProvider.json(exchange, 200, AnthropicAnswers.MESSAGE);
                }
            } else if (streams) {
                ScriptedProvider.stream(exchange, STREAM);
            } else {
                boolean asksForTheWeather = request.body().contains("the weather")
                        && !request.body().contains("rain in Oslo");
                ScriptedProvider.json(exchange, 200, asksForTheWeather ? CALLS_A_TOOL : CHAT);
            }
        });
    }

    @AfterAll
    static void stop() {
        context.close();
        provider.close();
    }

    private static ChatClient openAi() {
        return ChatClient.create(context.getBean(OpenAiChatModel.class));
    }

    private static ChatClient anthropic() {
        return ChatClient.create(context.getBean(AnthropicChatModel.class));
    }

    @Test
    void bothProvidersAnswersAreRepeated() {
        for (ChatClient client : List.of(openAi(), anthropic())) {
            for (int i = 0; i < 2; i++) {
                assertThat(client.prompt("hi").call().content()).isEqualTo("Hello");
            }
        }
        assertThat(provider.calls()).isEqualTo(2);
    }

    @Test
    void aHitCostsNoTokens() {
        var first = openAi().prompt("hi").call().chatResponse().getMetadata();
        var second = openAi().prompt("hi").call().chatResponse().getMetadata();
        assertThat(first.getUsage().getTotalTokens()).isEqualTo(21);
        assertThat(second.getUsage().getTotalTokens()).isZero();
        assertThat(second.getId()).startsWith("gen-");
    }

    @Test
    void streamsAreRepeatedPieceByPiece() {
        for (int i = 0; i < 2; i++) {
            assertThat(openAi().prompt("hi").stream()
                            .content()
                            .filter(piece -> !piece.isEmpty())
                            .collectList()
                            .block(PATIENCE))
                    .containsExactly("Hel", "lo");
            assertThat(anthropic().prompt("hi").stream()
                            .content()
                            .filter(piece -> !piece.isEmpty())
                            .collectList()
                            .block(PATIENCE))
                    .containsExactly("Hello");
        }
        assertThat(provider.calls()).isEqualTo(2);
    }

    @Test
    void w29_aStreamThatIsLeftIsStoredForTheNext() {
        assertThat(openAi().prompt("hi").stream().content().take(1).blockLast(PATIENCE))
                .isEqualTo("Hel");
        assertThat(String.join(
                        "",
                        openAi().prompt("hi").stream().content().collectList().block(PATIENCE)))
                .isEqualTo("Hello");
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void toolsRunEachTimeAndTheModelOnce() {
        Weather weather = new Weather();
        for (int i = 0; i < 2; i++) {
            assertThat(openAi().prompt("What is the weather?")
                            .tools(weather)
                            .call()
                            .content())
                    .isEqualTo("Hello");
        }
        assertThat(weather.calls).hasValue(2);
        // One call for the question, one with the tool's result.
        assertThat(provider.calls()).isEqualTo(2);
    }

    @Test
    void embeddingsAreRepeated() {
        EmbeddingModel model = context.getBean(EmbeddingModel.class);
        for (int i = 0; i < 2; i++) {
            assertThat(model.embed("hi")).containsExactly(0.5f, 0.25f);
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void errorsAreThoseOfTheSdksAndNotStored() {
        provider.does((exchange, request) ->
                ScriptedProvider.json(exchange, 429, "{\"error\":{\"message\":\"too fast\",\"type\":\"t\"}}"));
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> openAi().prompt("hi").call().content())
                    .isInstanceOfSatisfying(
                            OpenAIServiceException.class,
                            error -> assertThat(error.statusCode()).isEqualTo(429))
                    .hasMessageContaining("too fast");
            assertThatThrownBy(() -> anthropic().prompt("hi").call().content())
                    .isInstanceOfSatisfying(
                            AnthropicServiceException.class,
                            error -> assertThat(error.statusCode()).isEqualTo(429));
        }
        assertThat(provider.calls()).isEqualTo(4);
    }
}
