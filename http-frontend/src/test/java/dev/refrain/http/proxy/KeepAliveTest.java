package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Several requests over one connection, with HTTP/1.1 and HTTP/1.0. */
class KeepAliveTest extends WireTest {
    private static String request(String version, String headers, String body) {
        return "POST /v1/chat/completions " + version + "\r\nHost: x\r\nX-OpenRouter-Cache: true\r\n" + headers
                + "Content-Length: " + body.length() + "\r\n\r\n" + body;
    }

    private void echo() {
        provider.does((exchange, request) -> ScriptedProvider.json(
                exchange, 200, "{\"choices\":[{\"finish_reason\":\"stop\"}],\"echo\":" + request.body() + "}"));
    }

    private static String numbered(int number) {
        return "{\"number\":" + number + "}";
    }

    /** Hits, misses, an uncached request, one outside the endpoints, one outside the API; in pieces of any length. */
    @ParameterizedTest
    @ValueSource(ints = {100_000, 61, 7})
    void pipelinedRequestsAreAnsweredInTheirOrder(int piece) throws IOException {
        echo();
        StringBuilder all = new StringBuilder();
        int count = 12;
        for (int i = 0; i < count; i++) {
            all.append(
                    switch (i % 6) {
                        case 0, 1 -> request("HTTP/1.1", "", numbered(i / 6 * 6));
                        case 2 -> request("HTTP/1.1", "", numbered(i)).replace("true", "false");
                        case 3 -> request("HTTP/1.1", "", numbered(i)).replace("/chat/completions", "/rerank");
                        case 4 -> "GET /v1/models/" + i + " HTTP/1.1\r\nHost: x\r\n\r\n";
                        default -> "GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n";
                    });
        }
        String bytes = all.toString();
        try (RawClient client = new RawClient(proxy.port())) {
            for (int at = 0; at < bytes.length(); at += piece) {
                client.send(bytes.substring(at, Math.min(bytes.length(), at + piece)));
            }
            for (int i = 0; i < count; i++) {
                String response = client.readResponse();
                switch (i % 6) {
                    case 0 -> assertThat(response).contains("Status: MISS").contains(numbered(i));
                    case 1 -> assertThat(response).contains("Status: HIT").contains(numbered(i - 1));
                    case 2, 3 -> assertThat(response).doesNotContain("Status:").contains(numbered(i));
                    case 4 -> assertThat(response).contains("\"echo\":}");
                    default -> assertThat(response).startsWith("HTTP/1.1 404");
                }
            }
        }
        assertThat(provider.received())
                .extracting(ScriptedProvider.Received::body)
                .containsExactly(numbered(0), numbered(2), numbered(3), "", numbered(6), numbered(8), numbered(9), "");
    }

    /** The client stops before its first request, after one on the long way, or after one through the shortcut. */
    @Test
    void aConnectionThatIsNotUsedIsClosed() throws IOException {
        echo();
        Map<String, String> settings = Map.of("REFRAIN_TIMEOUTS_KEEP_ALIVE", "1500ms");
        try (RunningProxy quick = new RunningProxy(folder.resolve("quick"), provider.base(), settings)) {
            for (int requests = 0; requests < 3; requests++) {
                try (RawClient client = new RawClient(quick.port())) {
                    for (int i = 0; i < requests; i++) {
                        client.send(request("HTTP/1.1", "", numbered(1)));
                        assertThat(client.readResponse()).startsWith("HTTP/1.1 200");
                    }
                    assertThat(client.hearsWithin(200)).isFalse();
                    assertThat(client.readToTheEnd()).isEmpty();
                }
            }
        }
    }

    /** The last request asks to close the connection; requests pipelined after it are not served. */
    @Test
    void nothingIsServedAfterAClose() throws IOException {
        echo();
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(request("HTTP/1.1", "", numbered(1))
                    + request("HTTP/1.1", "Connection: close\r\n", numbered(1))
                    + request("HTTP/1.1", "", numbered(2)));
            assertThat(client.readResponse()).contains("MISS");
            assertThat(client.readResponse()).contains("HIT").contains("Connection: close");
            assertThat(client.readToTheEnd()).doesNotContain("HTTP/1.1");
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({"'',false", "Connection: close,false", "Connection: keep-alive,true", "Connection: Keep-Alive,true"})
    void anHttp10ConnectionLastsOnlyIfAskedTo(String header, boolean lasts) throws IOException {
        echo();
        String headers = header.isEmpty() ? "" : header + "\r\n";
        for (String status : new String[] {"MISS", "HIT"}) {
            try (RawClient client = new RawClient(proxy.port())) {
                client.send(request("HTTP/1.0", headers, numbered(1)));
                assertThat(client.readResponse())
                        .contains("Status: " + status)
                        .containsIgnoringCase(lasts ? "Connection: keep-alive" : "Connection: close")
                        .contains(numbered(1));
                if (lasts) {
                    client.send(request("HTTP/1.0", "", numbered(1)));
                    assertThat(client.readResponse()).contains("HIT");
                }
                assertThat(client.readAll()).isEmpty();
            }
        }
    }

    /** HTTP/1.0 has no chunks: an answer without a length ends with the connection, whatever the client asked for. */
    @Test
    void anHttp10StreamEndsWithTheConnection() throws IOException {
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(request("HTTP/1.0", "Connection: keep-alive\r\n", CHAT_STREAM_REQUEST));
            assertThat(client.readAll())
                    .contains("Connection: close")
                    .doesNotContain("chunked")
                    .endsWith("\r\n\r\n" + String.join("", CHAT_STREAM));
        }
        // A hit has a length.
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(request("HTTP/1.0", "Connection: keep-alive\r\n", CHAT_STREAM_REQUEST));
            assertThat(client.readResponse())
                    .contains("Connection: keep-alive")
                    .endsWith("data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {CHAT, "/v1/responses", "/v1/messages", "/api/v1/embeddings", "/v1/models"})
    void headAndOptionsAreForwarded(String path) throws IOException {
        provider.does((exchange, request) -> {
            exchange.getResponseHeaders().set("Allow", "POST");
            exchange.getResponseHeaders().set("Access-Control-Allow-Origin", "*");
            exchange.sendResponseHeaders(request.method().equals("HEAD") ? 405 : 204, -1);
        });
        try (RawClient client = new RawClient(proxy.port())) {
            for (int i = 0; i < 2; i++) {
                client.send("HEAD " + path + " HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\n\r\n");
                assertThat(client.readHead()).startsWith("HTTP/1.1 405").containsIgnoringCase("Allow: POST");
                client.send("OPTIONS " + path + " HTTP/1.1\r\nHost: x\r\nOrigin: https://page.example\r\n"
                        + "Access-Control-Request-Method: POST\r\n\r\n");
                assertThat(client.readHead())
                        .startsWith("HTTP/1.1 204")
                        .containsIgnoringCase("Access-Control-Allow-Origin: *")
                        .doesNotContain("X-OpenRouter");
            }
        }
        assertThat(provider.calls()).isEqualTo(4);
        assertThat(provider.received().get(1).headers().getFirst("Origin")).isEqualTo("https://page.example");
    }

    /** A request for {@code *}, the server as a whole, has no answer. */
    @ParameterizedTest
    @ValueSource(strings = {"OPTIONS * HTTP/1.1", "CONNECT a.example:443 HTTP/1.1", "TRACE / HTTP/1.1"})
    void aRequestForTheServerItselfIsNotFound(String line) throws IOException {
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(line + "\r\nHost: a.example:443\r\n\r\n");
            assertThat(client.readHead()).matches("(?s)HTTP/1.1 40[04] .*");
        }
        assertThat(provider.calls()).isZero();
    }
}
