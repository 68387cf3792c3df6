package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Bodies of any bytes reach the provider unchanged, and are cached under their own key or not at all. */
class RequestBodyTest extends WireTest {
    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] latin1(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private HttpResponse<String> cached(byte[] body, String... headers) {
        return proxy.send(proxy.post(CHAT, "", headers)
                .setHeader("X-OpenRouter-Cache", "true")
                .POST(BodyPublishers.ofByteArray(body)));
    }

    private void usePresets() throws IOException {
        var file = Files.writeString(folder.resolve("presets.yaml"), "presets: [{slug: p, temperature: 0.5}]\n");
        restart(Map.of(), "--config", file.toString());
    }

    /** Makes the provider keep the bytes of bodies. */
    private List<byte[]> keepBytes() throws IOException {
        List<byte[]> bodies = new ArrayList<>();
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            try (exchange) {
                bodies.add(exchange.getRequestBody().readAllBytes());
                ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
            }
        });
        server.start();
        proxy.close();
        proxy = new RunningProxy(
                folder.resolve("answers.refrain"),
                URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/v1"),
                Map.of());
        return bodies;
    }

    @Test
    void aBodyThatIsNotAJsonObjectInUtf8IsPassedOnAndNotCached() throws IOException {
        List<byte[]> received = keepBytes();
        List<byte[]> bodies = List.of(
                utf8(""),
                utf8(" "),
                utf8("[]"),
                utf8("null"),
                utf8("{"),
                utf8("{} {}"),
                utf8("\ufeff{}"),
                latin1("{\"a\":\"\u00e9\"}"),
                latin1("{\"a\":\"\u00ed\u00a0\u0080\"}"),
                latin1("{\"a\":\"\u00c0\u0080\"}"),
                latin1("{\"a\":\"\u00f8\u0088\u0080\u0080\u0080\"}"),
                latin1("{\"\u00ff\":1}"),
                "{\"a\":1}".getBytes(StandardCharsets.UTF_16BE),
                "{\"a\":1}".getBytes(StandardCharsets.UTF_16),
                "{\"a\":1}".getBytes(StandardCharsets.UTF_16LE),
                utf8("{\"a\":\"\u0000\"}"),
                utf8("{\"a\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}"),
                utf8("{\"a\":".repeat(100_000) + "1" + "}".repeat(100_000)),
                utf8("{\"a\":" + "[".repeat(100_000)),
                utf8("[".repeat(100_000)));
        for (byte[] body : bodies) {
            for (int i = 0; i < 2; i++) {
                HttpResponse<String> response = cached(body);
                assertThat(response.body()).isEqualTo(CHAT_ANSWER);
                assertMiss(response);
                assertThat(header(response, "Cache-Status")).contains("not-a-json-object");
            }
        }
        assertThat(received).hasSize(2 * bodies.size());
        for (int i = 0; i < received.size(); i++) {
            assertThat(received.get(i)).isEqualTo(bodies.get(i / 2));
        }
    }

    /** With presets, every body is parsed. */
    @ParameterizedTest
    @CsvSource({"[,]", "{\"a\":,}"})
    void deeplyNestedBodiesAreAnsweredWithPresetsToo(String open, String close) throws IOException {
        usePresets();
        String deep = "{\"model\":\"@preset/p\",\"x\":" + open.repeat(100_000) + "1" + close.repeat(100_000) + "}";
        for (boolean on : new boolean[] {false, true}) {
            HttpResponse<String> response =
                    proxy.send(proxy.post(CHAT, deep, "X-OpenRouter-Cache", Boolean.toString(on)));
            // Refused or passed on, but answered.
            assertThat(response.statusCode()).isIn(200, 400);
        }
        HttpResponse<String> next = proxy.cached(CHAT, "{\"model\":\"@preset/p\"}");
        assertThat(next.statusCode()).isEqualTo(200);
        assertThat(provider.received().get(provider.calls() - 1).body()).contains("\"temperature\":0.5");
    }

    /** The provider decides which of two values counts. For the key, each spelling is a request of its own. */
    @Test
    void duplicateKeysAreAnotherRequest() {
        assertMiss(cached(utf8("{\"model\":\"a\",\"model\":\"b\"}")));
        assertMiss(cached(utf8("{\"model\":\"b\",\"model\":\"a\"}")));
        assertMiss(cached(utf8("{\"model\":\"b\"}")));
        assertMiss(cached(utf8("{\"stream\":false,\"stream\":true}")));
        assertHit(cached(utf8("{\"model\":\"a\",\"model\":\"b\"}")));
        assertHit(cached(utf8("{\"model\":\"b\"}")));
    }

    @Test
    void theContentTypeFieldDoesNotMatter() {
        assertMiss(cached(utf8(CHAT_REQUEST), "Content-Type", "application/x-www-form-urlencoded"));
        assertHit(cached(utf8(CHAT_REQUEST), "Content-Type", "text/plain; charset=utf-16"));
        assertHit(proxy.send(ProxyUnderTest.anonymous(proxy.post(CHAT, CHAT_REQUEST))
                .header("Authorization", "Bearer sk-test")
                .header("X-OpenRouter-Cache", "true")));
        assertThat(provider.received().get(0).headers().getFirst("Content-type"))
                .isEqualTo("application/x-www-form-urlencoded");
    }

    /** A coding changes the meaning of the bytes: the same bytes with another coding, or none, are another request. */
    @Test
    void aBodyThatClaimsACodingIsNotCached() {
        HttpResponse<String> response = cached(utf8(CHAT_REQUEST), "Content-Encoding", "gzip");
        assertThat(response.statusCode()).isEqualTo(200);
        assertMiss(cached(utf8(CHAT_REQUEST)));
        assertMiss(cached(utf8(CHAT_REQUEST), "Content-Encoding", "zstd"));
        assertHit(cached(utf8(CHAT_REQUEST)));
        assertHit(cached(utf8(CHAT_REQUEST), "Content-Encoding", "identity"));
    }

    /** Each limit, met, and exceeded by a byte; the length is announced, or found by reading. */
    @ParameterizedTest
    @CsvSource({
        "true,false,10240,200,true",
        "true,false,10241,200,false",
        "true,false,20480,200,false",
        "true,false,20481,413,false",
        "true,true,10240,200,true",
        "true,true,10241,200,false",
        "true,true,20480,200,false",
        "true,true,20481,413,false",
        "false,false,20480,200,false",
        "false,false,20481,413,false",
        "false,true,20480,200,false",
        "false,true,20481,413,false"
    })
    void limitsAreExact(boolean on, boolean presets, int length, int status, boolean isCached) throws IOException {
        String file = "limits: {request-body: 20KiB, cacheable-request: 10KiB}\n"
                + (presets ? "presets: [{slug: p, temperature: 0.5}]\n" : "");
        restart(
                Map.of(),
                "--config",
                Files.writeString(folder.resolve("limits.yaml"), file).toString());
        String body = "{\"x\":\"" + "a".repeat(length - 8) + "\"}";
        for (boolean said : new boolean[] {true, false}) {
            HttpResponse<String> response = proxy.send(proxy.post(CHAT, "", "X-OpenRouter-Cache", Boolean.toString(on))
                    .POST(
                            said
                                    ? BodyPublishers.ofString(body)
                                    : BodyPublishers.fromPublisher(BodyPublishers.ofString(body))));
            assertThat(response.statusCode()).isEqualTo(status);
            if (on && status == 200) {
                assertThat(header(response, "Cache-Status"))
                        .contains(isCached ? (said ? "fwd=miss" : "hit") : "payload-too-large");
            }
        }
        assertThat(provider.received())
                .allSatisfy(request -> assertThat(request.body()).isEqualTo(body));
        assertThat(provider.calls()).isEqualTo(status == 413 ? 0 : isCached ? 1 : 2);
    }

    // ---- Expect

    @ParameterizedTest
    @ValueSource(strings = {"X-OpenRouter-Cache: true\r\n", ""})
    void aBodyIsInvitedOnce(String header) throws IOException {
        try (RawClient client = new RawClient(proxy.port())) {
            for (int i = 0; i < 2; i++) {
                client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n" + header
                        + "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
                assertThat(client.readHead()).isEqualTo("HTTP/1.1 100 Continue\r\n\r\n");
                client.send("{}");
                assertThat(client.readResponse()).startsWith("HTTP/1.1 200");
            }
        }
        assertThat(provider.received())
                .isNotEmpty()
                .allSatisfy(request -> assertThat(request.body()).isEqualTo("{}"));
    }

    @ParameterizedTest
    @CsvSource({"100-continue,20481,413", "200-ok,2,417", "'100-continue, x',2,417"})
    void aBodyThatWouldBeRefusedIsNotInvited(String expectation, int length, int status) throws IOException {
        restart(Map.of("REFRAIN_LIMITS_REQUEST_BODY", "20KiB"));
        try (RawClient client = new RawClient(proxy.port())) {
            client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\nExpect: "
                    + expectation + "\r\nContent-Length: " + length + "\r\n\r\n");
            assertThat(client.readToTheEnd())
                    .startsWith("HTTP/1.1 " + status)
                    .contains("invalid_request_error")
                    .doesNotContain("100 Continue");
        }
        assertThat(provider.calls()).isZero();
    }

    /** Most clients send their whole body before they read the answer. */
    @Test
    void aClientThatSendsTooMuchCanStillReadTheReason() throws IOException {
        restart(Map.of("REFRAIN_LIMITS_REQUEST_BODY", "20KiB"));
        try (RawClient client = new RawClient(proxy.port())) {
            client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n"
                    + "x".repeat(20_000_000));
            assertThat(client.readResponse()).startsWith("HTTP/1.1 413").contains("20480 bytes");
            client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
            assertThat(client.readResponse()).startsWith("HTTP/1.1 200");
        }
    }
}
