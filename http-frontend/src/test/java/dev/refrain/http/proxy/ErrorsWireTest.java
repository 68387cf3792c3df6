package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Wire rule W31: errors from the proxy itself. */
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
    void w2_charactersThatNoUriMayHoldAreEscapedOnTheWay() throws IOException {
        try (RawClient client = new RawClient(proxy.port())) {
            client.send("GET /v1/x?a={1}|b^`&c=[d]&e=%7B HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            assertThat(client.readAll()).startsWith("HTTP/1.1 200");
        }
        assertThat(provider.received().get(0).uri()).isEqualTo("/api/v1/x?a=%7B1%7D%7Cb%5E%60&c=[d]&e=%7B");
    }

    @ParameterizedTest
    @ValueSource(strings = {"HTTP/1.0", "HTTP/1.1"})
    void aCutAnswerNeverLooksCompleteOnAConnectionThatCloses(String version) throws IOException {
        proxy.close();
        RawProvider broken = new RawProvider("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n6\r\ndata: \r\n");
        proxy = new RunningProxy(folder.resolve("answers.refrain"), broken.base(), Map.of());
        try (RawClient client = new RawClient(proxy.port())) {
            client.send("POST /v1/chat/completions " + version
                    + "\r\nHost: x\r\nConnection: close\r\nContent-Length: 15\r\n\r\n" + "{\"stream\":true}");
            String answer;
            try {
                answer = client.readAll();
            } catch (IOException reset) {
                return;
            }
            assertThat(answer).contains("Transfer-Encoding: chunked").doesNotEndWith("0\r\n\r\n");
        } finally {
            broken.close();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "X-OpenRouter-Cache: true\r\nContent-Length: 20",
                "X-OpenRouter-Cache: true\r\nTransfer-Encoding: chunked",
                "Content-Length: 20",
                "Transfer-Encoding: chunked"
            })
    void aBodyThatStopsComingIs408(String header) throws IOException {
        restart(Map.of("REFRAIN_TIMEOUTS_REQUEST", "200ms"));
        try (RawClient client = new RawClient(proxy.port())) {
            client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n" + header + "\r\n\r\n"
                    + (header.contains("chunked") ? "2\r\n{" : "{"));
            assertThat(client.readUntil("}}")).startsWith("HTTP/1.1 408").contains("200 ms");
        }
    }

    @Test
    void w31_oneCallTooManyIs503() throws IOException {
        restart(Map.of("REFRAIN_LIMITS_UPSTREAM_CALLS", "1"));
        CountDownLatch done = new CountDownLatch(1);
        CountDownLatch running = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            running.countDown();
            done.await();
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
        var first = proxy.sendAsync(proxy.post(CHAT, CHAT_REQUEST));
        await(running);
        assertOwnError(proxy.cached(CHAT, "{}"), 503);
        done.countDown();
        assertThat(first.join().statusCode()).isEqualTo(200);
        assertThat(proxy.cached(CHAT, "{}").statusCode()).isEqualTo(200);
    }

    @Test
    void w31_aRequestWhileStoppingIs503() throws Exception {
        CountDownLatch done = new CountDownLatch(1);
        CountDownLatch running = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            // Holds the first request only: others before the stop must not wait.
            if (running.getCount() > 0) {
                running.countDown();
                done.await();
            }
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
        var first = proxy.sendAsync(proxy.post(CHAT, CHAT_REQUEST));
        await(running);
        Thread stopping = new Thread(proxy::close);
        stopping.start();
        HttpResponse<String> late = proxy.cached(CHAT, "{}");
        while (late.statusCode() != 503) {
            late = proxy.cached(CHAT, "{}");
        }
        assertOwnError(late, 503);
        done.countDown();
        assertThat(first.join().statusCode()).isEqualTo(200);
        stopping.join();
    }

    @Test
    void w32_f34_anErrorThatNoRetryCuresSaysSoAndLeavesNothingBehind() throws IOException {
        restart(Map.of("REFRAIN_LIMITS_REQUEST_BODY", "10KiB"));
        HttpResponse<String> notCached = proxy.cached(CHAT, CHAT_REQUEST, "Cache-Control", "only-if-cached");
        assertThat(notCached.statusCode()).isEqualTo(504);
        HttpResponse<String> tooLarge = proxy.cached(CHAT, "x".repeat(20_000));
        assertThat(tooLarge.statusCode()).isEqualTo(413);
        for (HttpResponse<String> lasting : List.of(notCached, tooLarge)) {
            assertThat(header(lasting, "x-should-retry")).isEqualTo("false");
            assertMiss(lasting);
            assertThat(header(lasting, TTL)).isNull();
        }
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 400, "{}"));
        HttpResponse<String> providers = proxy.cached(CHAT, CHAT_REQUEST);
        assertThat(providers.statusCode()).isEqualTo(400);
        assertMiss(providers);
        assertThat(header(providers, TTL)).isNull();
        assertThat(header(providers, "x-should-retry")).isNull();
        provider.close();
        HttpResponse<String> unreachable = proxy.cached(CHAT, CHAT_REQUEST);
        assertThat(unreachable.statusCode()).isEqualTo(502);
        assertThat(header(unreachable, TTL)).isNull();
        assertThat(header(unreachable, "x-should-retry")).isNull();
    }

    @Test
    void w27_aBypassThatFailsStillGivesItsReason() {
        provider.close();
        HttpResponse<String> response = proxy.cached(CHAT, "[]");
        assertThat(response.statusCode()).isEqualTo(502);
        assertThat(header(response, "Cache-Status")).isEqualTo("refrain; fwd=bypass; detail=not-a-json-object");
        assertThat(header(response, TTL)).isNull();
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
