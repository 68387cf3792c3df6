package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Endpoint;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The first example of docs/EMBEDDING.md: it runs, and the page shows these very lines. */
class EmbeddingExampleTest {
    private static final String BEGIN = "// docs begin\n";
    private static final String END = "// docs end\n";

    private static final class Provider {
        private final List<byte[]> requests = new ArrayList<>();

        byte[] post(byte[] request) {
            requests.add(request);
            return utf8(CHAT_ANSWER);
        }
    }

    private final Provider provider = new Provider();

    @TempDir
    Path folder;

    private byte[] ask(Path file, String apiKey, byte[] request) throws IOException {
        // docs begin
        try (ResponseCache cache = ResponseCache.open(file, 64L << 20)) {
            Optional<CacheKey> key = cache.key(CacheRequest.of(Endpoint.CHAT, apiKey, request));
            CachedResponse hit = new CachedResponse();
            if (key.isPresent() && cache.lookup(key.get(), hit)) {
                return hit.toByteArray();
            }
            byte[] answer = provider.post(request);
            key.ifPresent(k -> cache.store(k, "application/json", answer, Duration.ofMinutes(5)));
            return answer;
        }
        // docs end
    }

    @Test
    void theSecondCallIsAnsweredByTheCache() throws IOException {
        Path file = folder.resolve("answers.refrain");

        byte[] first = ask(file, "sk-test", utf8(CHAT_REQUEST));
        byte[] second = ask(file, "sk-test", utf8(CHAT_REQUEST));

        assertThat(new String(first, StandardCharsets.UTF_8)).isEqualTo(CHAT_ANSWER);
        assertThat(new String(second, StandardCharsets.UTF_8))
                .startsWith("{\"id\":\"gen-")
                .contains("\"total_tokens\":0");
        assertThat(provider.requests).containsExactly(utf8(CHAT_REQUEST));
    }

    @Test
    void readmeShowsTheseLines() throws IOException {
        String source = Files.readString(Path.of("src/test/java/dev/refrain/engine/EmbeddingExampleTest.java"));
        int begin = source.indexOf(BEGIN, source.indexOf("private byte[] ask")) + BEGIN.length();
        String code = source.substring(begin, source.indexOf(END, begin)).stripIndent();

        assertThat(code).startsWith("try (ResponseCache cache");
        assertThat(Files.readString(Path.of("../docs/EMBEDDING.md")))
                .contains("```java\n" + code.stripTrailing() + "\n```");
    }
}
