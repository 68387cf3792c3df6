package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Wire rule W31: errors that the proxy itself makes. */
class ErrorsWireTest extends WireTest {
    private static void assertOwnError(HttpResponse<String> response, int status) {
        assertThat(response.statusCode()).isEqualTo(status);
        assertThat(response.body()).startsWith("{\"error\":{\"message\":\"").doesNotContain("Exception", "sk-test");
        assertThat(header(response, GENERATION)).startsWith("gen-");
        assertMiss(response);
    }

    @Test
    void w31_anUnreachableUpstreamIs502InTheEndpointsShape() {
        provider.close();
        assertOwnError(proxy.cached(CHAT, CHAT_REQUEST), 502);
        HttpResponse<String> anthropic = proxy.cached("/v1/messages", CHAT_REQUEST);
        assertThat(anthropic.statusCode()).isEqualTo(502);
        assertThat(anthropic.body())
                .startsWith("{\"type\":\"error\",\"error\":{\"message\":\"")
                .contains("\"api_error\"");
        assertThat(proxy.send(proxy.post("/v1/rerank", "{}")).statusCode()).isEqualTo(502);
        assertUncached(proxy.send(proxy.post(CHAT, CHAT_REQUEST)));
    }

    @Test
    void w31_aSilentUpstreamIs504() throws IOException {
        restart(Map.of("REFRAIN_TIMEOUTS_RESPONSE", "200ms"));
        CountDownLatch done = new CountDownLatch(1);
        provider.does((exchange, request) -> done.await());
        assertOwnError(proxy.cached(CHAT, CHAT_REQUEST), 504);
        done.countDown();
    }

    @Test
    void w31_anUpstreamThatBreaksOffBeforeItsHeadIs502() {
        provider.does((exchange, request) -> exchange.close());
        assertOwnError(proxy.cached(CHAT, CHAT_REQUEST), 502);
    }

    @Test
    void aStreamThatStallsIsCutAndNotEnded() throws IOException {
        restart(Map.of("REFRAIN_TIMEOUTS_IDLE", "200ms"));
        CountDownLatch done = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            ScriptedProvider.stream(exchange, CHAT_STREAM[1]);
            done.await();
        });
        assertThatThrownBy(() -> proxy.cached(CHAT, CHAT_STREAM_REQUEST)).isInstanceOf(UncheckedIOException.class);
        done.countDown();
        provider.does((exchange, request) -> ScriptedProvider.stream(exchange, CHAT_STREAM));
        assertMiss(proxy.cached(CHAT, CHAT_STREAM_REQUEST));
    }

    @Test
    void w31_aBodyOverTheHardLimitIs413() throws IOException {
        restart(Map.of("REFRAIN_LIMITS_REQUEST_BODY", "100KiB", "REFRAIN_LIMITS_CACHEABLE_REQUEST", "10KiB"));
        try (RawClient client = new RawClient(proxy.port())) {
            client.send("POST /v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-OpenRouter-Cache: true\r\n"
                    + "Content-Length: 200000\r\n\r\n{");
            assertThat(client.readUntil("}}"))
                    .startsWith("HTTP/1.1 413")
                    .contains("request_too_large", "102400 bytes", "limits.request-body");
        }
        assertThat(provider.calls()).isZero();
        HttpResponse<String> chunked = proxy.send(proxy.post(CHAT, "")
                .setHeader("X-OpenRouter-Cache", "true")
                .POST(BodyPublishers.fromPublisher(BodyPublishers.ofString("x".repeat(200_000)))));
        assertOwnError(chunked, 413);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "BROKEN\r\n\r\n",
                "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
                "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n"
            })
    void malformedHttpIs400(String request) throws IOException {
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(request);
            assertThat(client.readAll()).startsWith("HTTP/1.1 400").doesNotContain("Exception");
        }
    }

    @Test
    void aQueryThatIsNoUriIs400() throws IOException {
        try (RawClient client = new RawClient(proxy.port())) {
            client.send("GET /v1/models?a=|^ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            assertThat(client.readAll()).startsWith("HTTP/1.1 400");
        }
    }
}
