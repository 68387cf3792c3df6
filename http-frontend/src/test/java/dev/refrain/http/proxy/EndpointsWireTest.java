package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Wire rules W1 to W3: which requests are cached, and how all others are handled. */
class EndpointsWireTest extends WireTest {
    private static final Map<String, String> ANSWERS = Map.of(
            "/chat/completions", CHAT_ANSWER,
            "/responses", "{\"id\":\"resp_1\",\"created_at\":1,\"status\":\"completed\",\"error\":null}",
            "/messages", "{\"id\":\"msg_1\",\"type\":\"message\",\"stop_reason\":\"end_turn\"}",
            "/embeddings", "{\"object\":\"list\",\"data\":[{}]}");

    @ParameterizedTest
    @ValueSource(strings = {"/chat/completions", "/responses", "/messages", "/embeddings"})
    void w1_eachEndpointIsServedUnderBothPrefixes(String suffix) {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, ANSWERS.get(suffix)));
        assertMiss(proxy.cached("/v1" + suffix, "{}"));
        assertHit(proxy.cached("/v1" + suffix, "{}"));
        assertHit(proxy.cached("/api/v1" + suffix, "{}"));
        assertThat(provider.received())
                .extracting(ScriptedProvider.Received::uri)
                .containsExactly("/api/v1" + suffix);
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET", "PUT", "DELETE", "PATCH"})
    void w1_otherMethodsOnAnEndpointAreForwardedAndNotCached(String method) {
        for (int i = 0; i < 2; i++) {
            HttpRequest.Builder request = HttpRequest.newBuilder(proxy.uri(CHAT))
                    .header("X-OpenRouter-Cache", "true")
                    .method(method, BodyPublishers.noBody());
            assertUncached(proxy.send(request));
        }
        assertThat(provider.received())
                .extracting(ScriptedProvider.Received::method)
                .containsExactly(method, method);
    }

    @ParameterizedTest
    @CsvSource({
        "POST,/v1/completions",
        "POST,/v1/audio/speech",
        "POST,/v1/rerank",
        "GET,/v1/models",
        "POST,/v1/videos",
        "GET,/api/v1/models?supported=a%20b&x=%2F",
        "DELETE,/v1/files/f%2F1",
        "GET,/api/v1/generation?id=gen-1"
    })
    void w2_everythingElseIsForwardedUntouched(String method, String path) throws IOException {
        provider.does((exchange, request) -> {
            exchange.getResponseHeaders().set("X-Provider", "yes");
            exchange.getResponseHeaders().add("Set-Cookie", "a=1");
            exchange.getResponseHeaders().add("Set-Cookie", "b=2");
            ScriptedProvider.json(exchange, 207, "{\"echo\":" + request.body().length() + "}");
        });
        for (int i = 0; i < 2; i++) {
            HttpResponse<String> response = proxy.send(HttpRequest.newBuilder(proxy.uri(path))
                    .header("X-OpenRouter-Cache", "true")
                    .header("X-Custom", "kept")
                    .method(
                            method,
                            method.equals("POST") ? BodyPublishers.ofString("some body") : BodyPublishers.noBody()));
            assertThat(response.statusCode()).isEqualTo(207);
            assertThat(header(response, "X-Provider")).isEqualTo("yes");
            assertThat(response.headers().allValues("Set-Cookie")).containsExactly("a=1", "b=2");
            assertThat(response.body()).isEqualTo("{\"echo\":" + (method.equals("POST") ? 9 : 0) + "}");
            assertThat(header(response, GENERATION)).isNull();
            assertUncached(response);
        }
        assertThat(provider.calls()).isEqualTo(2);
        assertThat(provider.received().get(0).uri()).isEqualTo("/api/v1" + path.replaceFirst("^(/api)?/v1", ""));
        assertThat(provider.received().get(0).headers().getFirst("X-Custom")).isEqualTo("kept");
    }

    @Test
    void w2_hopByHopFieldsStayOnTheirHop() throws IOException {
        try (RawClient client = new RawClient(proxy.port())) {
            client.send("POST /v1/rerank HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: "
                    + "trailers\r\n"
                    + "Proxy-Connection: close\r\nX-End: 2\r\nContent-Length: 2\r\n\r\n{}");
            assertThat(client.readHead()).startsWith("HTTP/1.1 200");
        }
        assertThat(provider.received().get(0).headers())
                .doesNotContainKeys("X-hop", "Te", "Proxy-connection")
                .containsKey("X-end");
    }

    @ParameterizedTest
    @CsvSource({"HEAD,200", "OPTIONS,204", "GET,304", "GET,302", "GET,204"})
    void w2_answersWithoutABodyAreForwardedAsSuch(String method, int status) throws IOException {
        provider.does((exchange, request) -> {
            exchange.getResponseHeaders().set("Location", "/elsewhere");
            if (method.equals("HEAD")) {
                exchange.getResponseHeaders().set("Content-Length", "123");
            }
            exchange.sendResponseHeaders(status, -1);
        });
        try (RawClient client = new RawClient(proxy.port())) {
            for (int i = 0; i < 2; i++) {
                client.send(method + " /v1/models HTTP/1.1\r\nHost: x\r\n\r\n");
                assertThat(client.readHead())
                        .startsWith("HTTP/1.1 " + status)
                        .containsIgnoringCase("Location: /elsewhere")
                        .doesNotContainIgnoringCase("Transfer-Encoding");
            }
        }
        assertThat(provider.received())
                .extracting(ScriptedProvider.Received::method)
                .containsExactly(method, method);
    }

    @Test
    void w3_theSameBodyOnTwoEndpointsNeverCollides() {
        provider.does((exchange, request) -> ScriptedProvider.json(
                exchange,
                200,
                "{\"uri\":\"" + request.uri()
                        + "\",\"choices\":[{\"finish_reason\":\"stop\"}],\"status\":\"completed\","
                        + "\"stop_reason\":\"end_turn\",\"data\":[{}]}"));
        assertMiss(proxy.cached("/v1/chat/completions", "{}"));
        HttpResponse<String> other = proxy.cached("/v1/messages", "{}");
        assertMiss(other);
        assertThat(other.body()).contains("messages");
        assertHit(proxy.cached("/api/v1/chat/completions", "{}"));
    }

    @Test
    void pathsOutsideTheApiAreNotFound() {
        HttpResponse<String> response = proxy.send(HttpRequest.newBuilder(proxy.uri("/v1x/models")));
        assertThat(response.statusCode()).isEqualTo(404);
        assertThat(response.body()).contains("\"error\"").contains("/v1/");
        assertThat(provider.calls()).isZero();
    }
}
