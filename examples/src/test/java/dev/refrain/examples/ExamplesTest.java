package dev.refrain.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.http.demo.DemoProvider;
import dev.refrain.testing.ScriptedProvider;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Each example runs twice against the demo provider, which is stopped before the second run. */
@Timeout(120)
class ExamplesTest {
    private interface Example {
        void runsWith(String[] arguments) throws IOException;
    }

    private static final String CALLS_A_TOOL = """
            {"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"demo","choices":[{"index":0,\
            "message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":\
            {"name":"inStock","arguments":"{\\"article\\":\\"umbrella\\"}"}}]},"finish_reason":"tool_calls"}]}""";
    private static final String ANSWERS = """
            {"id":"chatcmpl-2","object":"chat.completion","created":1700000000,"model":"demo","choices":[{"index":0,\
            "message":{"role":"assistant","content":"We have 42."},"finish_reason":"stop"}]}""";

    @TempDir
    Path folder;

    private String[] threeArguments(String url) {
        return new String[] {url, "sk-demo", folder.resolve("answers.refrain").toString()};
    }

    private static String run(Example example, String[] arguments) throws IOException {
        PrintStream before = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        try {
            example.runsWith(arguments);
        } finally {
            System.setOut(before);
        }
        return printed.toString(StandardCharsets.UTF_8);
    }

    /** Returns what the second run printed. */
    private static String runTwice(Example example, Function<URI, String[]> arguments) throws IOException {
        String[] given;
        String first;
        try (DemoProvider provider = DemoProvider.start()) {
            given = arguments.apply(provider.baseUri());
            first = run(example, given);
        }
        assertThat(first).contains("[MISS]").doesNotContain("[HIT]");
        String second = run(example, given);
        assertThat(second).contains("[HIT]").doesNotContain("[MISS]");
        assertThat(second.replace("[HIT]", "[MISS]")).isEqualTo(first).hasSizeGreaterThan(50);
        return second;
    }

    @Test
    void openAiJava() throws IOException {
        runTwice(OpenAiExample::main, base -> threeArguments(base.toString()));
    }

    @Test
    void anthropicJava() throws IOException {
        // The SDK adds /v1.
        runTwice(AnthropicExample::main, base -> threeArguments(base.toString().replaceFirst("/v1$", "")));
    }

    @Test
    void anAiServiceOfLangChain4j() throws IOException {
        runTwice(AiServiceExample::main, base -> threeArguments(base.toString()));
    }

    /** The demo provider calls no tools. */
    @Test
    void theAiServicesToolRunsEachTimeAndTheModelDoesNot() throws IOException {
        try (ScriptedProvider provider = new ScriptedProvider()) {
            provider.does((exchange, request) ->
                    ScriptedProvider.json(exchange, 200, request.body().contains("call_1") ? ANSWERS : CALLS_A_TOOL));
            String[] arguments = threeArguments(provider.base().toString());
            assertThat(run(AiServiceExample::main, arguments).lines())
                    .containsExactly("[MISS]", "tool: umbrella", "[MISS]", "We have 42.");
            assertThat(run(AiServiceExample::main, arguments).lines())
                    .containsExactly("[HIT]", "tool: umbrella", "[HIT]", "We have 42.");
            assertThat(provider.calls()).isEqualTo(2);
        }
    }

    @Test
    void aChatClientOfSpringAi() throws IOException {
        runTwice(
                SpringAiExample::main,
                base -> List.of(
                                "--spring.ai.openai.base-url=" + base,
                                "--spring.ai.openai.api-key=sk-demo",
                                "--refrain.store=" + folder.resolve("answers.refrain"))
                        .toArray(String[]::new));
    }

    /** One of three paragraphs is new in the second edition. In the second run, none is new. */
    @Test
    void anIndexThatIsRebuilt() throws IOException {
        String[] arguments;
        List<String> first;
        try (DemoProvider provider = DemoProvider.start()) {
            arguments = threeArguments(provider.baseUri().toString());
            first = run(ReindexExample::main, arguments).lines().toList();
        }
        assertThat(first).hasSize(2);
        assertThat(tokens(first.get(1))).isPositive().isLessThan(tokens(first.get(0)) / 2);
        assertThat(run(ReindexExample::main, arguments).lines())
                .containsExactly("first edition: 0 tokens", "second edition: 0 tokens");
    }

    private static int tokens(String line) {
        return Integer.parseInt(line.replaceAll("\\D", ""));
    }
}
