package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Wire rules W10 to W15: when two requests are identical. */
class IdentityWireTest extends WireTest {
    @Test
    void w10_theQueryStringAndTheModelCount() {
        proxy.cached(CHAT, CHAT_REQUEST);
        assertMiss(proxy.cached(CHAT + "?beta=true", CHAT_REQUEST));
        assertHit(proxy.cached(CHAT + "?beta=true", CHAT_REQUEST));
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST.replace("acme/large", "acme/small")));
    }

    @Test
    void w10_anotherUpstreamHasOtherAnswers() throws IOException {
        proxy.cached(CHAT, CHAT_REQUEST);
        proxy.close();
        proxy = new RunningProxy(folder.resolve("answers.refrain"), URI.create(provider.base() + "/other"), Map.of());
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST));
        restart(Map.of());
        assertHit(proxy.cached(CHAT, CHAT_REQUEST));
    }

    @Test
    void w11_whiteSpaceBetweenTokensDoesNotCount() {
        proxy.cached(CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a b\"}]}");
        assertHit(proxy.cached(
                CHAT,
                "\n{ \"model\" : \"m\",\r\n\t\"messages\": [ { \"role\": \"user\", \"content\": \"a b\" } ] }\n"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"n\":1,\"model\":\"m\",\"t\":\"a b\"}",
                "{\"model\":\"m\",\"n\":1.0,\"t\":\"a b\"}",
                "{\"model\":\"m\",\"n\":1,\"t\":\"a  b\"}",
                "{\"model\":\"m\",\"n\":1,\"t\":\"a b\",\"stream\":false}",
                "{\"model\":\"m\",\"n\":1,\"t\":\"a\\u0020b\"}"
            })
    void w11_everythingElseCounts(String variant) {
        proxy.cached(CHAT, "{\"model\":\"m\",\"n\":1,\"t\":\"a b\"}");
        assertMiss(proxy.cached(CHAT, variant));
    }

    @Test
    void w12_streamsAndBodiesNeverServeEachOther() {
        String body = CHAT_STREAM_REQUEST.replace("\"stream\":true,", "");
        proxy.cached(CHAT, body);
        HttpResponse<String> stream = proxy.cached(CHAT, CHAT_STREAM_REQUEST);
        assertMiss(stream);
        assertThat(stream.body()).endsWith("data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
        assertHit(proxy.cached(CHAT, CHAT_STREAM_REQUEST));
        assertThat(proxy.cached(CHAT, body).body()).contains("chat.completion");
    }

    @Test
    void w13_base64ContentCountsLikeEverythingElse() {
        String image = "{\"messages\":[{\"content\":[{\"image_url\":{\"url\":\"data:image/png;base64,%s\"}}]}]}";
        String pixels = "iVBOR".repeat(50_000);
        proxy.cached(CHAT, image.formatted(pixels));
        assertHit(proxy.cached(CHAT, image.formatted(pixels)));
        assertMiss(proxy.cached(CHAT, image.formatted(pixels.substring(1) + "A")));
    }

    @ParameterizedTest
    @CsvSource({
        "HTTP-Referer,https://a.example",
        "X-Title,An app",
        "User-Agent,curl/8",
        "x-anthropic-beta,tools",
        "Accept,*/*"
    })
    void w14_attributionAndProviderHeadersDoNotCount(String name, String value) {
        proxy.cached(CHAT, CHAT_REQUEST);
        assertHit(proxy.cached(CHAT, CHAT_REQUEST, name, value));
    }

    @Test
    void w15_twoApiKeysNeverShareAnEntry() {
        proxy.cached(CHAT, CHAT_REQUEST, "Authorization", "Bearer sk-a");
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST, "Authorization", "Bearer sk-b"));
        assertHit(proxy.cached(CHAT, CHAT_REQUEST, "Authorization", "bearer  sk-a"));
        assertHit(proxy.send(RunningProxy.anonymous(proxy.post(CHAT, CHAT_REQUEST))
                .setHeader("x-api-key", "sk-a")
                .setHeader("X-OpenRouter-Cache", "true")));
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST, "Authorization", "Bearer sk-a", "x-api-key", "sk-other"));
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST, "Authorization", "Bearer sk-a", "api-key", "sk-azure"));
        assertMiss(proxy.send(
                RunningProxy.anonymous(proxy.post(CHAT, CHAT_REQUEST)).setHeader("X-OpenRouter-Cache", "true")));
    }

    @Test
    void w15_noApiKeyAndNothingGuessableIsWrittenToDisk() throws IOException {
        String apiKey = "sk-or-v1-0123456789abcdef";
        proxy.cached(CHAT, CHAT_REQUEST, "Authorization", "Bearer " + apiKey);
        assertHit(proxy.cached(CHAT, CHAT_REQUEST, "Authorization", "Bearer " + apiKey));
        proxy.close();
        byte[] sha256 = sha256(apiKey);
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.filter(Files::isRegularFile)).isNotEmpty().allSatisfy(file -> {
                String content = Files.readString(file, StandardCharsets.ISO_8859_1);
                assertThat(content.contains(apiKey)).isFalse();
                assertThat(content.contains(new String(sha256, StandardCharsets.ISO_8859_1)))
                        .isFalse();
                assertThat(Files.getPosixFilePermissions(file)).as("%s", file).hasSize(2);
            });
        }
    }

    private static byte[] sha256(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }
}
