package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Wire rules W21 to W27: the headers of a response, and what a hit returns. */
class ReplayWireTest extends WireTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @Test
    void w21_withCachingOffThereAreNoCacheHeaders() {
        provider.does((exchange, request) -> {
            exchange.getResponseHeaders().set(STATUS, "HIT");
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
        HttpResponse<String> response = proxy.send(proxy.post(CHAT, CHAT_REQUEST));
        assertUncached(response);
        assertThat(header(response, GENERATION)).isEqualTo("chatcmpl-123");
        assertThat(response.body()).isEqualTo(CHAT_ANSWER);
    }

    @Test
    void w22_ageAndRemainingTtlAddUpToTheLifetime() {
        HttpResponse<String> miss = proxy.cached(CHAT, CHAT_REQUEST, TTL, "120");
        assertThat(header(miss, TTL)).isEqualTo("120");
        assertThat(header(miss, AGE)).isNull();
        assertThat(header(miss, SOURCE)).isNull();
        HttpResponse<String> hit = proxy.cached(CHAT, CHAT_REQUEST, TTL, "7");
        assertThat(Long.parseLong(header(hit, AGE)) + Long.parseLong(header(hit, TTL)))
                .isBetween(119L, 120L);
    }

    @Test
    void w23_aMissIsByteForByteWhatTheUpstreamSent() {
        assertThat(proxy.cached(CHAT, CHAT_REQUEST).body()).isEqualTo(CHAT_ANSWER);
        assertThat(proxy.cached(CHAT, CHAT_STREAM_REQUEST).body()).isEqualTo(String.join("", CHAT_STREAM));
    }

    @Test
    void w23_eachPieceOfAStreamReachesTheClientBeforeTheNextIsSent() throws IOException {
        CountDownLatch[] seen = {new CountDownLatch(1), new CountDownLatch(1)};
        provider.does((exchange, request) -> {
            ScriptedProvider.stream(exchange, CHAT_STREAM[0]);
            seen[0].await(10, TimeUnit.SECONDS);
            ScriptedProvider.write(exchange, CHAT_STREAM[1]);
            seen[1].await(10, TimeUnit.SECONDS);
            ScriptedProvider.write(exchange, CHAT_STREAM[4]);
        });
        try (RawClient client = new RawClient(proxy.port())) {
            client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\nContent-Length: "
                    + "15\r\n\r\n"
                    + "{\"stream\":true}");
            client.readHead();
            assertThat(client.readUntil("PROCESSING\n\n")).contains(": OPENROUTER PROCESSING");
            assertThat(seen[0].getCount()).isEqualTo(1);
            seen[0].countDown();
            assertThat(client.readUntil("}]}\n\n")).contains("Hel");
            seen[1].countDown();
            assertThat(client.readUntil("0\r\n\r\n")).contains("[DONE]");
        }
    }

    @ParameterizedTest
    @CsvSource({"gen-upstream,gen-upstream", ",chatcmpl-123"})
    void w23_theGenerationIdIsTheUpstreamsOrTheBodys(String sent, String expected) {
        provider.does((exchange, request) -> {
            if (sent != null) {
                exchange.getResponseHeaders().set(GENERATION, sent);
            }
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
        assertThat(header(proxy.cached(CHAT, CHAT_REQUEST), GENERATION)).isEqualTo(expected);
        assertThat(header(proxy.cached(CHAT, CHAT_REQUEST), SOURCE)).isEqualTo(expected);
    }

    @Test
    void w23_anIdThatCannotStandInAHeaderIsReplaced() {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, "{\"id\":\"a\\r\\nX-Evil: 1\"}"));
        HttpResponse<String> response = proxy.cached(CHAT, CHAT_REQUEST);
        assertThat(header(response, GENERATION)).startsWith("gen-");
        assertThat(header(response, "X-Evil")).isNull();
    }

    @Test
    void w24_mintedIdsAreUniqueAndHaveTheirForm() {
        Set<String> ids = new HashSet<>();
        for (int i = 0; i < 50; i++) {
            String id = header(proxy.cached(CHAT, CHAT_STREAM_REQUEST), GENERATION);
            assertThat(id).matches("gen-[0-9]{10}-[A-Za-z0-9]{20}");
            assertThat(ids.add(id)).isTrue();
        }
    }

    @Test
    void w25_aChatHitDiffersInIdTimeAndUsageOnly() {
        proxy.cached(CHAT, CHAT_REQUEST);
        HttpResponse<String> hit = proxy.cached(CHAT, CHAT_REQUEST);
        assertHit(hit);
        long created = tree(hit.body()).path("created").longValue();
        assertThat(created).isBetween(System.currentTimeMillis() / 1000 - 5, System.currentTimeMillis() / 1000);
        assertThat(hit.body())
                .isEqualTo(CHAT_ANSWER
                        .replace("chatcmpl-123", header(hit, GENERATION))
                        .replace("1700000000", Long.toString(created))
                        .replace("\"prompt_tokens\": 9", "\"prompt_tokens\": 0")
                        .replace("\"completion_tokens\": 12", "\"completion_tokens\": 0")
                        .replace("\"total_tokens\": 21", "\"total_tokens\": 0")
                        .replace("0.25e-3", "0"));
        assertThat(header(hit, "Content-Type")).isEqualTo("application/json");
    }

    @Test
    void w25_aHitOfAStreamHasItsNewIdInEveryChunkAndNoKeepAlives() {
        proxy.cached(CHAT, CHAT_STREAM_REQUEST);
        HttpResponse<String> hit = proxy.cached(CHAT, CHAT_STREAM_REQUEST);
        assertHit(hit);
        assertThat(header(hit, "Content-Type")).isEqualTo("text/event-stream");
        String created = Long.toString(tree(hit.body().split("\n", 2)[0].substring("data: ".length()))
                .path("created")
                .longValue());
        assertThat(hit.body())
                .isEqualTo(String.join("", CHAT_STREAM)
                        .replace(CHAT_STREAM[0], "")
                        .replace("chatcmpl-9", header(hit, GENERATION))
                        .replace("1700000000", created)
                        .replace("\"total_tokens\":21", "\"total_tokens\":0"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/v1/responses|{\"id\":\"resp_1\",\"created_at\":17,\"completed_at\":18,\"status\":\"completed\","
                        + "\"output\":[{\"id\":\"msg_1\"}],"
                        + "\"usage\":{\"a\":{\"b\":3}}}|"
                        + "{\"id\":\"ID\",\"created_at\":NOW,\"completed_at\":NOW,\"status\":\"completed\","
                        + "\"output\":[{\"id\":\"msg_1\"}],"
                        + "\"usage\":{\"a\":{\"b\":0}}}",
                "/v1/messages|{\"id\":\"msg_1\",\"stop_reason\":\"end_turn\",\"content\":[{\"id\":\"toolu_1\","
                        + "\"usage\":5}],\"usage\":{\"input_tokens\":5}}|"
                        + "{\"id\":\"ID\",\"stop_reason\":\"end_turn\",\"content\":[{\"id\":\"toolu_1\","
                        + "\"usage\":5}],\"usage\":{\"input_tokens\":0}}",
                "/v1/embeddings|{\"object\":\"list\",\"data\":[{\"index\":1,\"embedding\":[0.5]}],"
                        + "\"usage\":{\"total_tokens\":4}}|"
                        + "{\"object\":\"list\",\"data\":[{\"index\":1,\"embedding\":[0.5]}],"
                        + "\"usage\":{\"total_tokens\":0}}"
            })
    void w25_eachEndpointHasItsFields(String path, String answer, String replay) {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, answer));
        proxy.cached(path, "{}");
        HttpResponse<String> hit = proxy.cached(path, "{}");
        assertHit(hit);
        String now = Long.toString(tree(hit.body()).path("created_at").longValue());
        assertThat(hit.body())
                .isEqualTo(replay.replace("\"ID\"", "\"" + header(hit, GENERATION) + "\"")
                        .replace("NOW", now));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/v1/responses|data: "
                        + "{\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"created_at\":17,"
                        + "\"usage\":null}}%%"
                        + "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\","
                        + "\"status\":\"completed\",\"completed_at\":17,\"usage\":{\"t\":4}}}%%|"
                        + "data: {\"type\":\"response.created\",\"response\":{\"id\":\"ID\",\"created_at\":NOW,"
                        + "\"usage\":null}}%%"
                        + "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"ID\","
                        + "\"status\":\"completed\",\"completed_at\":NOW,\"usage\":{\"t\":0}}}%%",
                "/v1/messages|event: message_start%data: "
                        + "{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"t\":4}}}%%data: "
                        + "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
                        + "\"usage\":{\"t\":4}}%%data: "
                        + "{\"type\":\"message_stop\"}%%|event: message_start%data: "
                        + "{\"type\":\"message_start\",\"message\":{\"id\":\"ID\",\"usage\":{\"t\":0}}}%%data: "
                        + "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
                        + "\"usage\":{\"t\":0}}%%data: "
                        + "{\"type\":\"message_stop\"}%%"
            })
    void w25_eachEndpointHasItsEvents(String path, String stream, String replay) {
        provider.does((exchange, request) -> ScriptedProvider.stream(exchange, stream.replace('%', '\n')));
        proxy.cached(path, "{\"stream\":true}");
        HttpResponse<String> hit = proxy.cached(path, "{\"stream\":true}");
        assertHit(hit);
        assertThat(hit.body().replaceAll("_at\":[0-9]{10}", "_at\":NOW"))
                .isEqualTo(replay.replace('%', '\n').replace("\"ID\"", "\"" + header(hit, GENERATION) + "\""));
    }

    /** First on the long way, then twice through the shortcut. */
    @Test
    void w33_aHitReportsItsSavings() throws Exception {
        Path prices = folder.resolve("prices.yaml");
        Files.writeString(prices, "prices: [{model: acme/large, prompt: 1, completion: 2}]\ncurrency: EUR\n");
        restart(Map.of("REFRAIN_CONFIG", prices.toString()));
        provider.does((exchange, request) -> {
            Thread.sleep(30);
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
        HttpResponse<String> miss = proxy.cached(CHAT, CHAT_REQUEST);
        assertMiss(miss);
        assertThat(miss.headers().map().keySet())
                .noneMatch(name -> name.toLowerCase(Locale.ROOT).contains("saved"));
        HttpResponse<String> hit = proxy.cached(CHAT, CHAT_REQUEST);
        assertHit(hit);
        assertThat(header(hit, "X-Refrain-Saved-Tokens")).isEqualTo("21");
        assertThat(Long.parseLong(header(hit, "X-Refrain-Saved-Ms"))).isBetween(30L, 20_000L);
        assertThat(header(hit, "X-Refrain-Saved-Cost")).isEqualTo("0.000033 EUR");
        try (RawClient client = new RawClient(proxy.port())) {
            String last = "";
            for (int i = 0; i < 3; i++) {
                client.send("POST " + CHAT + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\n"
                        + "X-OpenRouter-Cache: true\r\nContent-Length: " + CHAT_REQUEST.length() + "\r\n\r\n"
                        + CHAT_REQUEST);
                last = client.readResponse();
            }
            assertThat(ShortcutTest.isShort(last.substring(0, last.indexOf("\r\n\r\n") + 4)))
                    .isTrue();
            assertThat(last)
                    .contains("\r\nX-Refrain-Saved-Tokens: 21\r\n", "\r\nX-Refrain-Saved-Cost: 0.000033 EUR\r\n")
                    .containsPattern("\r\nX-Refrain-Saved-Ms: [0-9]+\r\n");
        }
    }

    /** Fields whose value is unknown are left out. */
    @Test
    void w33_unknownSavingsAreNotReported() {
        proxy.cached(CHAT, CHAT_REQUEST);
        HttpResponse<String> hit = proxy.cached(CHAT, CHAT_REQUEST);
        assertHit(hit);
        assertThat(header(hit, "X-Refrain-Saved-Tokens")).isEqualTo("21");
        assertThat(header(hit, "X-Refrain-Saved-Cost")).isNull();
    }

    @Test
    void w26_aHitMakesNoUpstreamCall() {
        proxy.cached(CHAT, CHAT_REQUEST);
        provider.close();
        for (int i = 0; i < 3; i++) {
            assertHit(proxy.cached(CHAT, CHAT_REQUEST));
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void w27_theStandardCacheStatusSaysWhatHappened() {
        assertThat(header(proxy.cached(CHAT, CHAT_REQUEST), "Cache-Status")).startsWith("refrain; fwd=miss; stored; ");
        assertThat(header(proxy.cached(CHAT, CHAT_REQUEST), "Cache-Status")).matches("refrain; hit; ttl=(300|299); .*");
        HttpResponse<String> bypass = proxy.cached(CHAT, "{");
        assertThat(header(bypass, "Cache-Status")).startsWith("refrain; fwd=bypass; detail=not-a-json-object; ");
        assertMiss(bypass);
    }

    private static JsonNode tree(String body) {
        try {
            return JSON.readTree(body);
        } catch (IOException e) {
            throw new AssertionError(body, e);
        }
    }
}
