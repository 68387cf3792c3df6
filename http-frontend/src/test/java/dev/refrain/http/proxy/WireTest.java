package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/**
 * Shared by the tests of the wire contract: a proxy in front of a scripted provider, both on real sockets. A request
 * that repeats a head on its connection may take the shortcut ({@link ShortcutTest}); all others go the long way,
 * through Undertow.
 */
abstract class WireTest {
    static final String CHAT = "/v1/chat/completions";
    static final String CHAT_REQUEST =
            "{\"model\":\"acme/large\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    static final String CHAT_STREAM_REQUEST = "{\"model\":\"acme/large\",\"stream\":true,\"messages\":[]}";
    static final String CHAT_ANSWER = """
            {"id": "chatcmpl-123", "object": "chat.completion", "created": 1700000000, "model": "acme/large",
             "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello \\"id\\": \\"x\\", \
            \\"created\\": 5"},
               "finish_reason": "stop"}],
             "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21, \
            "details": {"cost": 0.25e-3}}}""";
    static final String[] CHAT_STREAM = {
        ": OPENROUTER PROCESSING\n\n",
        "data: {\"id\":\"chatcmpl-9\",\"created\":1700000000,\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n",
        "data: {\"id\":\"chatcmpl-9\",\"created\":1700000000,\"choices\":[{\"delta\":{\"content\":\"lo\"}}]}\n\n",
        "data: {\"id\":\"chatcmpl-9\",\"created\":1700000000,\"choices\":[],\"usage\":{\"total_tokens\":21}}\n\n",
        "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
    };

    static final String STATUS = "X-OpenRouter-Cache-Status";
    static final String TTL = "X-OpenRouter-Cache-TTL";
    static final String AGE = "X-OpenRouter-Cache-Age";
    static final String SOURCE = "X-OpenRouter-Cache-Source-Id";
    static final String GENERATION = "X-Generation-Id";

    @TempDir
    Path folder;

    ScriptedProvider provider;
    RunningProxy proxy;

    @BeforeEach
    void start() throws IOException {
        provider = new ScriptedProvider();
        provider.does((exchange, request) -> {
            if (request.body().contains("\"stream\":true")) {
                ScriptedProvider.stream(exchange, CHAT_STREAM);
            } else {
                ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
            }
        });
        proxy = startProxy(Map.of());
    }

    /** A second proxy on the test's store; the one of {@link #start} has to be closed before. */
    RunningProxy startProxy(Map<String, String> variables, String... flags) throws IOException {
        return new RunningProxy(folder.resolve("answers.refrain"), provider.base(), variables, flags);
    }

    /** Replaces the running proxy by one with other settings. */
    void restart(Map<String, String> variables, String... flags) throws IOException {
        proxy.close();
        proxy = startProxy(variables, flags);
    }

    @AfterEach
    void stop() {
        proxy.close();
        provider.close();
        // After every test, all reserved memory has been released exactly once.
        until(() -> proxy.memory().usedBytes() == 0);
    }

    static String header(HttpResponse<?> response, String name) {
        return response.headers().firstValue(name).orElse(null);
    }

    static void assertHit(HttpResponse<?> response) {
        assertThat(header(response, STATUS)).isEqualTo("HIT");
    }

    static void assertMiss(HttpResponse<?> response) {
        assertThat(header(response, STATUS)).isEqualTo("MISS");
    }

    static void assertUncached(HttpResponse<?> response) {
        assertThat(response.headers().map().keySet())
                .noneMatch(name -> name.toLowerCase(Locale.ROOT).startsWith("x-openrouter-cache"))
                .doesNotContain("cache-status");
    }
}
