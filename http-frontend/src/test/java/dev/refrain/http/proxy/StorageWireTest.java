package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Wire rules W16 to W20: what is stored. */
class StorageWireTest extends WireTest {
    @ParameterizedTest
    @ValueSource(ints = {201, 400, 401, 402, 403, 404, 408, 429, 500, 502, 503, 529})
    void w16_onlyA200IsStored(int status) {
        provider.does((exchange, request) -> {
            exchange.getResponseHeaders().set("Retry-After", "7");
            ScriptedProvider.json(exchange, status, CHAT_ANSWER);
        });
        for (int i = 0; i < 2; i++) {
            HttpResponse<String> response = proxy.cached(CHAT, CHAT_REQUEST);
            assertThat(response.statusCode()).isEqualTo(status);
            assertThat(response.body()).isEqualTo(CHAT_ANSWER);
            assertThat(header(response, "Retry-After")).isEqualTo("7");
            assertThat(header(response, "Cache-Status")).startsWith("refrain; fwd=miss");
            assertMiss(response);
        }
        assertThat(provider.calls()).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/v1/chat/completions|{\"id\":\"x\",\"error\":{\"message\":\"no\"}}",
                "/v1/chat/completions|not json",
                "/v1/chat/completions|{\"id\":\"cut",
                "/v1/chat/completions|[]",
                "/v1/messages|{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}",
                "/v1/messages|{\"type\":\"error\",\"message\":\"overloaded\"}",
                "/v1/responses|{\"id\":\"r\",\"status\":\"failed\",\"error\":null}",
                "/v1/responses|{\"id\":\"r\",\"status\":\"in_progress\"}",
                "/v1/responses|{\"id\":\"r\"}"
            })
    void w16_bodiesThatAreNoCompleteAnswerAreNotStored(String path, String answer) {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, answer));
        assertThat(proxy.cached(path, "{}").body()).isEqualTo(answer);
        assertMiss(proxy.cached(path, "{}"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/v1/chat/completions|data: {\"id\":\"c\"}%%|false",
                "/v1/chat/completions|data: {\"id\":\"c\"}%%data: {\"error\":{\"code\":502}}%%data: [DONE]%%|false",
                "/v1/chat/completions|data: "
                        + "{\"id\":\"c\",\"error\":null,\"choices\":[{\"finish_reason\":\"stop\"}]}%%data: "
                        + "[DONE]%%|true",
                "/v1/chat/completions|data: {\"id\":\"c\",\"error\":null}%%data: [DONE]%%|false",
                "/v1/responses|data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}%%|false",
                "/v1/responses|data: {\"type\":\"response.failed\",\"response\":{\"id\":\"r\"}}%%|false",
                "/v1/responses|event: response.completed%data: "
                        + "{\"type\":\"response.completed\",\"response\":{\"id\":\"r\","
                        + "\"status\":\"completed\"}}%%|true",
                "/v1/responses|data: "
                        + "{\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"failed\"}}%%|false",
                "/v1/responses|data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\"}}%%|false",
                "/v1/responses|data: "
                        + "{\"type\":\"response.incomplete\",\"response\":{\"id\":\"r\","
                        + "\"status\":\"incomplete\"}}%%data: [DONE]%%|true",
                "/v1/messages|event: message_start%data: "
                        + "{\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}%%|false",
                "/v1/messages|event: error%data: {\"type\":\"error\"}%%event: message_stop%data: "
                        + "{\"type\":\"message_stop\"}%%|false",
                "/v1/messages|event: message_stop%data: {\"type\":\"message_stop\"}%%|false",
                "/v1/messages|data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}%%"
                        + "event: message_stop%data: {\"type\":\"message_stop\"}%%|true"
            })
    void w16_onlyAStreamWithItsTerminalEventAndWithoutErrorIsStored(String path, String stream, boolean stored) {
        String events = stream.replace('%', '\n');
        provider.does((exchange, request) -> ScriptedProvider.stream(exchange, events));
        assertThat(proxy.cached(path, "{\"stream\":true}").body()).isEqualTo(events);
        HttpResponse<String> second = proxy.cached(path, "{\"stream\":true}");
        assertThat(header(second, STATUS)).isEqualTo(stored ? "HIT" : "MISS");
    }

    @Test
    void w16_aCutBodyIsNotStored() {
        provider.does((exchange, request) -> {
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(200, 1000);
            exchange.getResponseBody().write("{\"id\":\"a\"}".getBytes(StandardCharsets.UTF_8));
            exchange.getResponseBody().flush();
        });
        assertThatThrownBy(() -> proxy.cached(CHAT, CHAT_REQUEST)).hasRootCauseInstanceOf(IOException.class);
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, CHAT_ANSWER));
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST));
    }

    @Test
    void w17_toolCallsAndMediaAreStoredLikeText() {
        String answer = "{\"id\":\"c\",\"choices\":[{\"message\":{\"tool_calls\":[{\"id\":\"call_1\",\"function\":"
                + "{\"name\":\"f\",\"arguments\":\"{\\\"id\\\":\\\"x\\\",\\\"usage\\\":7}\"}}],"
                + "\"images\":[{\"image_url\":"
                + "{\"url\":\"data:image/png;base64," + "AAAA".repeat(20_000)
                + "\"}}],\"audio\":{\"id\":\"audio_1\",\"data\":\"UklG\"}},\"finish_reason\":\"tool_calls\"}]}";
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, answer));
        proxy.cached(CHAT, CHAT_REQUEST);
        HttpResponse<String> hit = proxy.cached(CHAT, CHAT_REQUEST);
        assertHit(hit);
        assertThat(hit.body()).isEqualTo(answer.replace("\"c\"", "\"" + header(hit, GENERATION) + "\""));
    }

    @Test
    void w18_aRequestOverTheLimitIsServedAndSaysWhy() throws IOException {
        restart(Map.of("REFRAIN_LIMITS_CACHEABLE_REQUEST", "10KiB"));
        String large = "{\"content\":\"" + "x".repeat(200_000) + "\"}";
        for (int i = 0; i < 2; i++) {
            // Without a Content-Length, the limit is noticed only while reading.
            HttpResponse<String> chunked = proxy.send(proxy.post(CHAT, "")
                    .setHeader("X-OpenRouter-Cache", "true")
                    .POST(BodyPublishers.fromPublisher(BodyPublishers.ofString(large))));
            for (HttpResponse<String> response : List.of(proxy.cached(CHAT, large), chunked)) {
                assertThat(response.body()).isEqualTo(CHAT_ANSWER);
                assertMiss(response);
                assertThat(header(response, TTL)).isNull();
                assertThat(header(response, "Cache-Status"))
                        .startsWith("refrain; fwd=bypass; detail=payload-too-large");
            }
        }
        assertThat(provider.received())
                .hasSize(4)
                .allSatisfy(request -> assertThat(request.body()).isEqualTo(large));
    }

    @ParameterizedTest
    @CsvSource({"3000000,true,", "8388608,true,", "8388609,false,payload-too-large", "20000000,false,payload-too-large"
    })
    void w18_theDefaultLimitIsEightMebibytes(int length, boolean cached, String reason) {
        String body = "{\"x\":\"" + "a".repeat(length - 8) + "\"}";
        HttpResponse<String> first = proxy.cached(CHAT, body);
        assertThat(first.statusCode()).isEqualTo(200);
        assertThat(header(first, "Cache-Status"))
                .startsWith(cached ? "refrain; fwd=miss; stored" : "refrain; fwd=bypass; detail=" + reason);
        assertThat(header(proxy.cached(CHAT, body), STATUS)).isEqualTo(cached ? "HIT" : "MISS");
        assertThat(provider.received().get(0).body()).hasSize(length);
        // Requests without caching have no such limit.
        assertThat(proxy.send(proxy.post(CHAT, body)).statusCode()).isEqualTo(200);
        assertThat(proxy.send(proxy.post("/v1/files", body)).statusCode()).isEqualTo(200);
    }

    @Test
    void w18_anAnswerOverTheLimitIsServedAndNotStored() throws IOException {
        restart(Map.of("REFRAIN_LIMITS_STORED_ANSWER", "64KiB"));
        String answer = CHAT_ANSWER.replace("Hello", "x".repeat(100_000));
        provider.does((exchange, request) -> {
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(200, request.body().contains("known") ? answer.length() : 0);
            exchange.getResponseBody().write(answer.getBytes(StandardCharsets.UTF_8));
        });
        for (String request : new String[] {"{\"length\":\"known\"}", "{\"length\":\"none\"}"}) {
            assertThat(proxy.cached(CHAT, request).body()).isEqualTo(answer);
            assertMiss(proxy.cached(CHAT, request));
        }
        HttpResponse<String> announced = proxy.cached(CHAT, "{\"length\":\"known\"}");
        assertThat(header(announced, "Cache-Status")).startsWith("refrain; fwd=bypass; detail=answer-too-large");
        assertThat(header(announced, TTL)).isNull();
    }

    @Test
    void w19_backgroundResponsesAreNotEligible() {
        provider.does(
                (exchange, request) -> ScriptedProvider.json(exchange, 200, "{\"id\":\"r\",\"status\":\"completed\"}"));
        for (int i = 0; i < 2; i++) {
            HttpResponse<String> response = proxy.cached("/v1/responses", "{\"background\":true}");
            assertMiss(response);
            assertThat(header(response, TTL)).isNull();
            assertThat(header(response, "Cache-Status")).startsWith("refrain; fwd=bypass; detail=background");
        }
    }

    @Test
    void w20_anExpiredEntryIsNotServed() {
        proxy.cached(CHAT, CHAT_REQUEST, TTL, "1");
        long patience = System.nanoTime() + 10_000_000_000L;
        HttpResponse<String> response = proxy.cached(CHAT, CHAT_REQUEST);
        while (header(response, STATUS).equals("HIT") && System.nanoTime() < patience) {
            assertThat(header(response, TTL)).isIn("0", "1");
            response = proxy.cached(CHAT, CHAT_REQUEST);
        }
        assertMiss(response);
        assertThat(provider.calls()).isEqualTo(2);
    }

    @Test
    void storedAnswersAreNeverCompressed() throws IOException {
        provider.does((exchange, request) -> {
            boolean zipped = request.headers().getFirst("Accept-encoding") != null
                    && request.headers().getFirst("Accept-encoding").contains("gzip");
            if (zipped) {
                exchange.getResponseHeaders().set("Content-Encoding", "gzip");
                exchange.getResponseHeaders().set("Content-Type", "application/json");
                exchange.sendResponseHeaders(200, 0);
                try (GZIPOutputStream out = new GZIPOutputStream(exchange.getResponseBody())) {
                    out.write(CHAT_ANSWER.getBytes(StandardCharsets.UTF_8));
                }
            } else {
                ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
            }
        });
        HttpResponse<String> first = proxy.cached(CHAT, CHAT_REQUEST, "Accept-Encoding", "gzip");
        assertThat(first.body()).isEqualTo(CHAT_ANSWER);
        assertHit(proxy.cached(CHAT, CHAT_REQUEST, "Accept-Encoding", "gzip"));
        // Without caching, the client's Accept-Encoding reaches the provider.
        assertThat(header(proxy.send(proxy.post(CHAT, CHAT_REQUEST, "Accept-Encoding", "gzip")), "Content-Encoding"))
                .isEqualTo("gzip");
    }

    @Test
    void aCompressedAnswerIsPassedOnAndNotStored() {
        provider.does((exchange, request) -> {
            exchange.getResponseHeaders().set("Content-Encoding", "br");
            ScriptedProvider.json(exchange, 200, "pretend that this is brotli");
        });
        for (int i = 0; i < 2; i++) {
            HttpResponse<String> response = proxy.cached(CHAT, CHAT_REQUEST);
            assertMiss(response);
            assertThat(header(response, "Content-Encoding")).isEqualTo("br");
            assertThat(header(response, "Cache-Status")).startsWith("refrain; fwd=bypass; detail=answer-encoded");
            assertThat(response.body()).isEqualTo("pretend that this is brotli");
        }
    }
}
