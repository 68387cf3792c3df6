package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Wire rule W1b: which spellings of a path are an endpoint, which are refused, and which path the provider gets. */
class PathsWireTest extends WireTest {
    private static final String AZURE = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

    /** Sends the target unchanged, which Java's client would not do. */
    private String send(String method, String target, String fields, String body) throws IOException {
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + fields
                    + "Content-Length: " + body.length() + "\r\n\r\n" + body);
            return client.readToTheEnd();
        }
    }

    private String cached(String target) throws IOException {
        return send("POST", target, "X-OpenRouter-Cache: true\r\n", CHAT_REQUEST);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/v1//chat/completions",
                "//v1/chat/completions",
                "/v1/chat/completions/",
                "///api//v1///chat//completions//",
                "/api/v1/chat/completions/",
                "/openai/v1/chat/completions",
                "http://elsewhere.example//v1/chat/completions/"
            })
    void w1b_f29_emptySegmentsAndASlashAtTheEndDoNotCount(String target) throws IOException {
        assertThat(cached(target)).contains("Cache-Status: MISS");
        assertThat(cached(CHAT)).contains("Cache-Status: HIT");
        assertThat(cached(target)).contains("Cache-Status: HIT");
        assertThat(provider.received())
                .extracting(ScriptedProvider.Received::uri)
                .containsExactly("/api/v1/chat/completions");
    }

    @Test
    void w1b_f28_dotSegmentsAreRefused() throws IOException {
        for (String target : List.of(
                "/v1/../key/generate",
                "/v1/..",
                "/v1/./models",
                "/v1/%2e%2e/key/generate",
                "/v1/%2E./key/generate",
                "/v1/.%2e/key/generate",
                "/v1/%2e/models",
                "/v1/..%2fkey/generate",
                "/v1/x%2f..%2f..%2fkey",
                "/v1/..%5ckey",
                "/v1/..\\key",
                "/v1/%252e%252e/key",
                "/v1/%25252e%25252e/key",
                "/v1/..%252fkey",
                "/v1/%2525252525252e/key",
                "/v1/..;/key",
                "/v1/..;a=b/key",
                "/v1/..%3b/key",
                "/v1/%c0%ae%c0%ae/key",
                "/v1/..%c0%afkey",
                "/v1/..%20/key",
                "/v1/..%00/key",
                "/v1/chat/completions/..",
                "/v1/chat/../chat/completions",
                "/../v1/models",
                "/openai/deployments/../../key",
                "/openai/deployments/%2e%2e/chat/completions",
                "http://elsewhere.example/v1/../key")) {
            for (String method : List.of("GET", "POST")) {
                assertThat(send(method, target, "X-OpenRouter-Cache: true\r\n", "{}"))
                        .as(target)
                        .startsWith("HTTP/1.1 400")
                        .containsIgnoringCase("x-should-retry: false")
                        .contains("\"error\"");
            }
        }
        assertThat(provider.calls()).isZero();
    }

    @Test
    void w1b_otherPathsAreForwardedAsSentAndNotCached() throws IOException {
        for (String pair : List.of(
                "/v1/models/gpt-4.1,/api/v1/models/gpt-4.1",
                "/v1/files/..a,/api/v1/files/..a",
                "/v1/files/a..,/api/v1/files/a..",
                "/v1/files/...,/api/v1/files/...",
                "/v1/models/meta%2Fllama-3.1,/api/v1/models/meta%2Fllama-3.1",
                "/v1//files//x/,/api/v1//files//x/",
                "//v1/models/,/api/v1/models/",
                "/v1/files/50%25,/api/v1/files/50%25",
                "/v1/models;v=1.0,/api/v1/models;v=1.0",
                "/v1/chat/%63ompletions,/api/v1/chat/%63ompletions",
                "/v1/Chat/completions,/api/v1/Chat/completions",
                "/openai/files?api-version=1,/openai/files?api-version=1",
                "/openai/deployments/d/images/generations,/openai/deployments/d/images/generations",
                "/openai/chat/completions,/openai/chat/completions")) {
            String target = pair.split(",", -1)[0];
            String received = pair.split(",", -1)[1];
            provider.received().clear();
            for (int i = 0; i < 2; i++) {
                assertThat(cached(target)).startsWith("HTTP/1.1 200").doesNotContain("X-OpenRouter-Cache");
            }
            assertThat(provider.received())
                    .extracting(ScriptedProvider.Received::uri)
                    .containsExactly(received, received);
        }
    }

    @Test
    void w1b_anythingElseIsNotFound() throws IOException {
        for (String target : List.of(
                "/",
                "http://x",
                "//",
                "/V1/models",
                "/v1x/models",
                "/api/models",
                "/chat/completions",
                "/%76%31/models")) {
            assertThat(send("GET", target, "", ""))
                    .startsWith("HTTP/1.1 404")
                    .containsIgnoringCase("x-should-retry: false");
        }
        assertThat(provider.calls()).isZero();
    }

    @Test
    void w1b_f29_azuresDeploymentIsPartOfTheKey() throws IOException {
        assertThat(cached(AZURE)).contains("Cache-Status: MISS");
        assertThat(cached(AZURE)).contains("Cache-Status: HIT");
        assertThat(cached(AZURE.replace("gpt-4o/", "gpt-4o//"))).contains("Cache-Status: HIT");
        assertThat(cached(AZURE.replace("gpt-4o", "other"))).contains("Cache-Status: MISS");
        assertThat(cached(AZURE.replace("2024", "2025"))).contains("Cache-Status: MISS");
        assertThat(cached(CHAT)).contains("Cache-Status: MISS");
        assertThat(provider.received())
                .extracting(ScriptedProvider.Received::uri)
                .containsExactly(
                        AZURE,
                        AZURE.replace("gpt-4o", "other"),
                        AZURE.replace("2024", "2025"),
                        "/api/v1/chat/completions");
    }

    /** Over one connection, so that the second request of each deployment takes the shortcut. */
    @Test
    void w1b_theShortcutTellsDeploymentsApart() throws IOException {
        try (RawClient client = new RawClient(proxy.port())) {
            for (String deployment : List.of("a", "b", "a", "a", "b", "b", "a")) {
                client.send("POST /openai/deployments/" + deployment + "/chat/completions HTTP/1.1\r\nHost: x\r\n"
                        + "X-OpenRouter-Cache: true\r\nContent-Length: 2\r\n\r\n{}");
                client.readResponse();
            }
        }
        assertThat(provider.received())
                .extracting(ScriptedProvider.Received::uri)
                .containsExactly("/openai/deployments/a/chat/completions", "/openai/deployments/b/chat/completions");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "/openai", "/openai/v1", "/v1", "/openai/"})
    void w1b_azuresPathsReplaceTheUpstreamsPath(String base) throws IOException {
        proxy.close();
        String root = provider.base().toString().replace("/api/v1", "");
        proxy = new RunningProxy(folder.resolve("azure.refrain"), java.net.URI.create(root + base), Map.of());
        assertThat(cached(AZURE)).contains("Cache-Status: MISS");
        assertThat(send("POST", "/openai/responses?api-version=1", "X-OpenRouter-Cache: true\r\n", "{}"))
                .contains("X-OpenRouter-Cache-Status");
        send("GET", "/openai/models?api-version=1", "", "");
        assertThat(provider.received())
                .extracting(ScriptedProvider.Received::uri)
                .containsExactly(AZURE, "/openai/responses?api-version=1", "/openai/models?api-version=1");
    }

    @ParameterizedTest
    @CsvSource({
        "GET,/v1/responses",
        "POST,/v1/responses",
        "GET,/v1/chat/completions/",
        "GET,/api/v1/embeddings",
        "GET,/openai/v1/responses",
        "GET,/openai/deployments/d/chat/completions"
    })
    void f27_aWebSocketOnAnEndpointIsRefusedAtOnce(String method, String target) throws IOException {
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
            assertThat(client.readResponse())
                    .startsWith("HTTP/1.1 426")
                    .containsIgnoringCase("\r\nupgrade: HTTP/1.1\r\n")
                    .containsIgnoringCase("\r\nconnection: upgrade\r\n")
                    .containsIgnoringCase("\r\nx-should-retry: false\r\n")
                    .contains("\"type\":\"invalid_request_error\"", "\"code\":426");
            // The connection can still be used.
            client.send("POST " + CHAT + " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
            assertThat(client.readResponse()).startsWith("HTTP/1.1 200");
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"/chat/completions", "/responses", "/messages", "/embeddings"})
    void w1b_aWebSocketOnEachOfTheFourEndpointsIs426(String path) throws IOException {
        assertThat(send("GET", "/v1" + path, "Upgrade: websocket\r\n", "")).startsWith("HTTP/1.1 426");
        assertThat(provider.calls()).isZero();
    }

    @Test
    void f27_theRefusalHasTheEndpointsFormatAndOtherPathsAreNotRefused() throws IOException {
        String upgrade = "Upgrade: h2c, websocket\r\n";
        assertThat(send("GET", "/v1/messages", upgrade, ""))
                .startsWith("HTTP/1.1 426")
                .contains("{\"type\":\"error\",\"error\":{\"message\"");
        assertThat(provider.calls()).isZero();
        assertThat(send("GET", "/v1/realtime", upgrade, "")).startsWith("HTTP/1.1 200");
        assertThat(send("GET", "/v1/responses", "Upgrade: h2c\r\n", "")).startsWith("HTTP/1.1 200");
        // HTTP/1.0 has no upgrades.
        try (RawClient old = new RawClient(proxy.port())) {
            old.send("GET /v1/responses HTTP/1.0\r\nUpgrade: websocket\r\n\r\n");
            assertThat(old.readToTheEnd()).contains(" 200 ");
        }
    }

    @Test
    void f26_bodiesOnOtherPathsHaveTheirOwnLimit() throws IOException {
        restart(Map.of("REFRAIN_LIMITS_REQUEST_BODY", "1KiB"));
        String body = "x".repeat(100_000);
        for (String path : List.of("/v1/files", "/v1/audio/transcriptions", "/openai/files")) {
            assertThat(proxy.send(proxy.post(path, body)).statusCode()).isEqualTo(200);
        }
        assertThat(provider.received()).extracting(r -> r.body().length()).containsOnly(100_000);
        assertThat(proxy.send(proxy.post(CHAT, body)).statusCode()).isEqualTo(413);

        restart(Map.of("REFRAIN_LIMITS_FORWARDED_BODY", "64KiB"));
        HttpResponse<String> refused = proxy.send(proxy.post("/v1/files", body));
        assertThat(refused.statusCode()).isEqualTo(413);
        assertThat(refused.body()).contains("65536 bytes", "limits.forwarded-body", "\"invalid_request_error\"");
        assertThat(header(refused, "x-should-retry")).isEqualTo("false");
        assertThat(proxy.send(proxy.post(CHAT, body)).statusCode()).isEqualTo(200);
        int calls = provider.calls();
        // The length of this body is unknown beforehand.
        assertThat(chunked("/v1/files", body)).startsWith("HTTP/1.1 413").contains("limits.forwarded-body");
        assertThat(provider.calls()).isEqualTo(calls);
    }

    private String chunked(String path, String body) throws IOException {
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(
                    "POST " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                            + Integer.toHexString(body.length()) + "\r\n" + body + "\r\n0\r\n\r\n");
            return client.readToTheEnd();
        }
    }
}
