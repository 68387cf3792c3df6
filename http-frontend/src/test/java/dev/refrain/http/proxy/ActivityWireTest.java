package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.refrain.console.activity.Activity;
import dev.refrain.console.activity.Filter;
import dev.refrain.console.activity.Outcome;
import dev.refrain.console.activity.Stats;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Wire rules W60 and W61: records and counts of requests. */
class ActivityWireTest extends WireTest {
    private final CountDownLatch asked = new CountDownLatch(1);
    private final CountDownLatch release = new CountDownLatch(1);

    private static final String FROM_UPSTREAM = "{\"data\":{\"id\":\"theirs\"}}";

    private JsonNode generation(String id, String... headers) throws IOException {
        return new ObjectMapper().readTree(ask(id, headers).body()).path("data");
    }

    private HttpResponse<String> ask(String id, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(proxy.uri("/api/v1/generation?id=" + id))
                .GET()
                .header("Authorization", "Bearer sk-test");
        for (int i = 0; i < headers.length; i += 2) {
            request.setHeader(headers[i], headers[i + 1]);
        }
        return proxy.send(request);
    }

    private List<Activity> log() {
        return proxy.activity().query(Filter.ALL, 100, null).data();
    }

    /** Waits, because a request is logged at about the time at which its client has the answer. */
    private List<Activity> log(int count) {
        proxy.activity(count);
        assertThat(log()).hasSize(count);
        return log();
    }

    /** Makes the scripted provider return a record for every id. */
    private void providersRecords() {
        provider.does((exchange, request) ->
                ScriptedProvider.json(exchange, 200, request.method().equals("GET") ? FROM_UPSTREAM : CHAT_ANSWER));
    }

    @Test
    void w60_f45_aHitHasARecordHereAndTheProviderHasThatOfItsSource() throws IOException {
        providersRecords();
        String source = header(proxy.cached(CHAT, CHAT_REQUEST), GENERATION);
        String hit = header(proxy.cached(CHAT, CHAT_REQUEST), GENERATION);

        JsonNode repeated = generation(hit);
        assertThat(provider.calls()).isEqualTo(1);
        assertThat(repeated.path("id").asText()).isEqualTo(hit);
        assertThat(repeated.path("model").asText()).isEqualTo("acme/large");
        assertThat(Instant.parse(repeated.path("created_at").asText())).isBefore(Instant.now());
        assertThat(repeated.path("streamed").isBoolean()).isTrue();
        assertThat(repeated.path("api_type").asText()).isEqualTo("completions");
        assertThat(repeated.path("latency").isNumber()).isTrue();
        assertThat(repeated.path("generation_time").doubleValue()).isPositive();
        assertThat(repeated.path("tokens_prompt").asInt(-1)).isZero();
        assertThat(repeated.path("tokens_completion").asInt(-1)).isZero();
        assertThat(repeated.path("usage").doubleValue()).isZero();
        assertThat(repeated.path("usage").isNumber()).isTrue();
        assertThat(repeated.path("total_cost").isNumber()).isTrue();
        assertThat(repeated.path("finish_reason").asText()).isEqualTo("stop");
        assertThat(repeated.path("response_cache_source_id").asText()).isEqualTo(source);
        for (String name : List.of("workspace_id", "request_id", "session_id", "upstream_id", "provider_responses")) {
            assertThat(repeated.has(name)).as(name).isTrue();
        }

        assertThat(header(ask(hit), "Cache-Control")).isEqualTo("no-store");

        assertThat(ask(source).body()).isEqualTo(FROM_UPSTREAM);
        assertThat(provider.received().get(1).uri()).isEqualTo("/api/v1/generation?id=" + source);
    }

    @Test
    void w60_onlyTheKeyOfTheRequestReadsItsRecord() {
        proxy.cached(CHAT, CHAT_REQUEST);
        String id = header(proxy.cached(CHAT, CHAT_REQUEST), GENERATION);
        providersRecords();
        assertThat(ask(id).body()).contains("\"id\":\"" + id + "\"");
        assertThat(ask(id, "Authorization", "Bearer sk-other").body()).isEqualTo(FROM_UPSTREAM);
        assertThat(ask(id, "x-api-key", "sk-more").body()).isEqualTo(FROM_UPSTREAM);
        assertThat(ask("unknown").body()).isEqualTo(FROM_UPSTREAM);
        assertThat(ask("gen-1700000000-AAAAAAAAAAAAAAAAAAAA").body()).isEqualTo(FROM_UPSTREAM);
        assertThat(provider.received().get(1).uri()).isEqualTo("/api/v1/generation?id=" + id);
        assertThat(provider.received().get(1).headers().getFirst("Authorization"))
                .isEqualTo("Bearer sk-other");
        // A question without an id goes to the provider.
        assertThat(proxy.send(HttpRequest.newBuilder(proxy.uri("/v1/generation")))
                        .body())
                .isEqualTo(FROM_UPSTREAM);
    }

    @Test
    void w60_recordsOutliveTheProcess() throws IOException {
        String miss = header(proxy.cached(CHAT, CHAT_REQUEST), GENERATION);
        String hit = header(proxy.cached(CHAT, CHAT_REQUEST), GENERATION);
        restart(Map.of());
        assertThat(generation(hit).path("response_cache_source_id").asText()).isEqualTo(miss);
        assertThat(generation(hit).path("finish_reason").asText()).isEqualTo("stop");
        // The answer of this hit was stored before the restart.
        String later = header(proxy.cached(CHAT, CHAT_REQUEST), GENERATION);
        assertThat(generation(later).path("finish_reason").asText()).isEqualTo("stop");
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void w60_recordsOfUncachedRequestsComeFromTheProvider(boolean stream) {
        HttpResponse<String> off = proxy.send(proxy.post(CHAT, stream ? CHAT_STREAM_REQUEST : CHAT_REQUEST));
        providersRecords();
        assertThat(ask(header(off, GENERATION)).body()).isEqualTo(FROM_UPSTREAM);
    }

    /**
     * Ollama numbers its answers up to 998, and Groq's compound models call each "stub". So answers have the same id
     * here: two answers to one API key, and answers to two API keys.
     */
    @Test
    void f6_idsThatAProviderIssuesTwiceNeverMixTwoRecords() throws IOException {
        List<String> hits = new ArrayList<>();
        for (String key : List.of("Bearer sk-x", "Bearer sk-y")) {
            for (String model : List.of("one", "two")) {
                String body = CHAT_REQUEST.replace("acme/large", model);
                proxy.cached(CHAT, body, "Authorization", key);
                hits.add(header(proxy.cached(CHAT, body, "Authorization", key), GENERATION));
            }
        }
        assertThat(provider.calls()).isEqualTo(4);
        for (int i = 0; i < 4; i++) {
            String mine = i < 2 ? "Bearer sk-x" : "Bearer sk-y";
            String theirs = i < 2 ? "Bearer sk-y" : "Bearer sk-x";
            assertThat(generation(hits.get(i), "Authorization", mine)
                            .path("model")
                            .asText())
                    .isEqualTo(i % 2 == 0 ? "one" : "two");
            providersRecords();
            assertThat(ask(hits.get(i), "Authorization", theirs).body()).isEqualTo(FROM_UPSTREAM);
            // Questions about ids that the provider has issued go to the provider, whichever client got it here.
            assertThat(ask("chatcmpl-123", "Authorization", mine).body()).isEqualTo(FROM_UPSTREAM);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/v1/chat/completions|chat.json|19|10|stop",
                "/v1/chat/completions|chat.sse|19|10|stop",
                "/v1/messages|messages.json|2095|503|end_turn",
                "/v1/messages|messages.sse|25|15|end_turn",
                "/v1/responses|responses.json|36|87|completed",
                "/v1/responses|responses.sse|37|11|completed",
                "/v1/embeddings|embeddings.json|8|0|"
            })
    void w61_tokensOfEachFormatAreCountedAndSaved(
            String path, String file, long prompt, long completion, String finishReason) throws IOException {
        String answer = Files.readString(Path.of("src/test/resources/vendor", file));
        boolean stream = file.endsWith(".sse");
        provider.does((exchange, request) -> {
            if (stream) {
                ScriptedProvider.stream(exchange, answer);
            } else {
                ScriptedProvider.json(exchange, 200, answer);
            }
        });
        String body = "{\"model\":\"m\"" + (stream ? ",\"stream\":true}" : "}");
        HttpResponse<String> fetched = proxy.cached(path, body);
        assertThat(fetched.body()).isEqualTo(answer);
        HttpResponse<String> repeated = proxy.cached(path, body);
        assertHit(repeated);

        List<Activity> log = log(2);
        Activity miss = log.get(1);
        assertThat(miss.outcome()).isEqualTo(Outcome.MISS);
        assertThat(miss.promptTokens()).isEqualTo(prompt);
        assertThat(miss.completionTokens()).isEqualTo(completion);
        assertThat(miss.finishReason()).isEqualTo(finishReason);
        assertThat(miss.streamed()).isEqualTo(stream);
        assertThat(miss.bytes()).isEqualTo(answer.getBytes(StandardCharsets.UTF_8).length);
        Activity hit = log.get(0);
        assertThat(hit.outcome()).isEqualTo(Outcome.HIT);
        assertThat(hit.id()).isEqualTo(header(repeated, GENERATION));
        assertThat(hit.sourceId()).isEqualTo(header(fetched, GENERATION));
        assertThat(hit.tokensSaved()).isEqualTo(prompt + completion);
        assertThat(hit.promptTokens()).isZero();
        assertThat(hit.finishReason()).isEqualTo(finishReason);
        assertThat(hit.bytes()).isEqualTo(repeated.body().getBytes(StandardCharsets.UTF_8).length);
        assertThat(hit.key()).isEqualTo(miss.key()).hasSize(12);
        assertThat(hit.scope()).isEqualTo(miss.scope()).hasSize(12);
    }

    @Test
    void w61_everyRequestOfTheFourEndpointsIsShown() throws IOException {
        restart(Map.of("REFRAIN_LIMITS_CACHEABLE_REQUEST", "10KiB", "REFRAIN_LIMITS_REQUEST_BODY", "20KiB"));
        proxy.cached(CHAT, CHAT_REQUEST);
        proxy.cached(CHAT, CHAT_REQUEST);
        proxy.send(proxy.post("/v1/messages", "{\"model\":\"x\"}"));
        proxy.cached("/v1/embeddings", "{\"content\":\"" + "x".repeat(11_000) + "\"}");
        proxy.cached("/v1/embeddings", "{\"content\":\"" + "x".repeat(22_000) + "\"}");
        proxy.cached("/v1/responses", "{\"background\":true}");
        proxy.cached(CHAT, "not json");
        proxy.cached(CHAT, "{\"model\":\"other\"}", "Cache-Control", "only-if-cached");
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 429, "{}"));
        proxy.cached(CHAT, "{\"model\":\"other\"}");
        proxy.send(proxy.post("/v1/files", "{}"));

        List<Activity> log = log(9);
        assertThat(log)
                .extracting(a -> a.endpoint().id() + " " + a.outcome().label() + " " + a.status() + " " + a.reason()
                        + " " + a.model())
                .containsExactly(
                        "chat miss 429 null other",
                        "chat miss 504 null other",
                        "chat bypass 200 not-a-json-object null",
                        "responses bypass 200 background null",
                        "embeddings bypass 413 payload-too-large null",
                        "embeddings bypass 200 payload-too-large null",
                        "messages off 200 null x",
                        "chat hit 200 null acme/large",
                        "chat miss 200 null acme/large");
        assertThat(log).allSatisfy(a -> assertThat(a.id()).isNotNull());
        assertThat(log).extracting(Activity::scope).containsOnly(log.get(0).scope());
        assertThat(proxy.activity()
                        .query(new Filter(true, null, null, null, 0), 10, null)
                        .data())
                .hasSize(1);
        Stats stats = proxy.activity().stats();
        assertThat(stats.requests()).isEqualTo(new Stats.Counts(1, 0, 0, 3, 4, 1, 3));
    }

    /**
     * Makes the provider count down {@code asked} when it is called, and answer when the test opens {@code release}.
     */
    private void holdTheAnswer() {
        provider.does((exchange, request) -> {
            asked.countDown();
            release.await();
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
    }

    @Test
    void w61_aFollowerSavesWhatTheCallCost() throws Exception {
        holdTheAnswer();
        HttpRequest.Builder request = proxy.post(CHAT, CHAT_REQUEST).setHeader("X-OpenRouter-Cache", "true");
        CompletableFuture<HttpResponse<String>> leader = proxy.sendAsync(request);
        asked.await();
        CompletableFuture<HttpResponse<String>> follower = proxy.sendAsync(request);
        until(() -> proxy.stats().collapsed() != 0);
        release.countDown();
        String source = header(leader.get(), GENERATION);
        follower.get();

        Activity collapsed = log(2).stream()
                .filter(a -> a.outcome() == Outcome.COLLAPSED)
                .findFirst()
                .orElseThrow();
        assertThat(collapsed.sourceId()).isEqualTo(source);
        assertThat(collapsed.tokensSaved()).isEqualTo(21);
        assertThat(collapsed.promptTokens()).isZero();
    }

    @Test
    void w61_aClientThatLeavesIsLoggedWithWhatTheCallCost() throws Exception {
        holdTheAnswer();
        try (RawClient client = new RawClient(proxy.port())) {
            client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\nContent-Length: "
                    + CHAT_REQUEST.length() + "\r\n\r\n" + CHAT_REQUEST);
            asked.await();
            client.leave(true);
        }
        // The server notices a reset only when it writes to the connection: with the answer.
        release.countDown();
        Activity left = log(1).get(0);
        assertThat(left.promptTokens()).isEqualTo(9);
        assertThat(left.outcome()).isEqualTo(Outcome.MISS);
        assertThat(proxy.activity().stats().tokensUsed()).isEqualTo(21);
    }

    @Test
    void w61_anAnswerThatBreaksOffIsAnError() {
        provider.does((exchange, request) -> {
            exchange.sendResponseHeaders(200, 1000);
            exchange.getResponseBody().write(new byte[10]);
            exchange.getResponseBody().flush();
        });
        try {
            proxy.cached(CHAT, CHAT_REQUEST);
        } catch (java.io.UncheckedIOException expected) {
            assertThat(expected).hasRootCauseInstanceOf(IOException.class);
        }
        Activity cut = log(1).get(0);
        assertThat(cut.cut()).isTrue();
        assertThat(cut.status()).isEqualTo(200);
        assertThat(cut.bytes()).isEqualTo(10);
        assertThat(proxy.activity().stats().requests().errors()).isEqualTo(1);
    }

    @Test
    void w61_neitherKeysNorPromptsNorAnswersReachTheDisk() throws IOException {
        String request = CHAT_REQUEST.replace("\"hi\"", "\"a very private prompt\"");
        proxy.send(proxy.post(CHAT, request, "Authorization", "Bearer sk-very-private"));
        proxy.cached(CHAT, request, "Authorization", "Bearer sk-very-private");
        log(2);
        proxy.close();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file :
                    files.filter(f -> f.toString().contains(".activity")).toList()) {
                assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).toLowerCase(Locale.ROOT))
                        .contains("acme/large")
                        .doesNotContain("private", "hello");
            }
        }
    }
}
