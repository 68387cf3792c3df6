package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Wire rules W19 and W26b, with a provider that keeps its answers and refuses ids that it has not issued. */
class StateWireTest extends WireTest {
    private static final String RESPONSES = "/v1/responses";
    private static final String MESSAGES = "/v1/messages";
    private static final Pattern ID = Pattern.compile("\"id\":\"((?:gen-|resp_|msg_)[^\"]+)\"");

    private final StatefulProvider state = new StatefulProvider();

    @BeforeEach
    void script() {
        provider.does(state);
    }

    private static String turn(String path, String input, String previous, boolean stream) {
        String end = stream ? ",\"stream\":true}" : "}";
        if (path.equals(RESPONSES)) {
            return "{\"model\":\"m\",\"input\":\"" + input + "\""
                    + (previous == null ? "" : ",\"previous_response_id\":\"" + previous + "\"") + end;
        }
        return "{\"model\":\"m\",\"max_tokens\":99,\"messages\":[{\"role\":\"user\",\"content\":\"" + input
                + "\"}],\"thread\":"
                + (previous == null
                        ? "{\"type\":\"create\"}"
                        : "{\"type\":\"continue\",\"previous_message_id\":\"" + previous + "\"}")
                + end;
    }

    private static String id(HttpResponse<String> response) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        Matcher id = ID.matcher(response.body());
        assertThat(id.find()).as(response.body()).isTrue();
        return id.group(1);
    }

    private List<String> chain(String path, boolean stream) {
        List<String> ids = new ArrayList<>();
        for (String input : List.of("one", "two", "three")) {
            String previous = ids.isEmpty() ? null : ids.get(ids.size() - 1);
            ids.add(id(proxy.cached(path, turn(path, input, previous, stream))));
        }
        return ids;
    }

    @ParameterizedTest
    @CsvSource({"/v1/responses,false", "/v1/responses,true", "/v1/messages,false", "/v1/messages,true"})
    void w26b_f5_aRepeatedChainHitsThroughout(String path, boolean stream) throws IOException {
        restart(Map.of("REFRAIN_ACTIVITY_MAX_SIZE", "0"));
        List<String> first = chain(path, stream);
        assertThat(provider.calls()).isEqualTo(3);
        // The chain is repeated more often than the shortcut needs to know the head and the bodies. The shortcut must
        // give the same answers.
        List<String> repeated = List.of();
        for (int run = 0; run < 10; run++) {
            repeated = chain(path, stream);
        }
        assertThat(repeated).allMatch(id -> id.startsWith("gen-"));
        assertThat(provider.calls()).isEqualTo(3);

        restart(Map.of("REFRAIN_ACTIVITY_MAX_SIZE", "0"));
        chain(path, stream);
        assertThat(provider.calls()).isEqualTo(3);

        proxy.cached(path, turn(path, "four", repeated.get(2), stream));
        assertThat(provider.received().get(3).body()).isEqualTo(turn(path, "four", first.get(2), stream));
        proxy.send(proxy.post(path, turn(path, "with caching off", repeated.get(1), stream)));
        assertThat(provider.received().get(4).body()).isEqualTo(turn(path, "with caching off", first.get(1), stream));
        assertThat(state.refused()).isZero();
    }

    /** A body is repeated byte for byte, over a connection whose head is known, so that all shortcuts apply. */
    @Test
    void w26b_theShortcutFindsWhatTheLongWayFinds() {
        List<String> first = chain(RESPONSES, false);
        String hit = id(proxy.cached(RESPONSES, turn(RESPONSES, "one", null, false)));
        String again = turn(RESPONSES, "two", hit, false);
        for (int i = 0; i < 20; i++) {
            HttpResponse<String> response = proxy.cached(RESPONSES, again);
            assertHit(response);
            assertThat(response.body()).contains("turn " + first.get(1) + " after " + first.get(0));
        }
        assertThat(provider.calls()).isEqualTo(3);
    }

    @ParameterizedTest
    @CsvSource({"false", "true"})
    void w26b_theSameHoldsForIdsOfFollowers(boolean stream) {
        state.gate = new CountDownLatch(1);
        List<CompletableFuture<HttpResponse<String>>> asked = new ArrayList<>();
        String body = turn(RESPONSES, "one", null, stream);
        for (int i = 0; i < 4; i++) {
            asked.add(proxy.sendAsync(proxy.post(RESPONSES, body).setHeader("X-OpenRouter-Cache", "true")));
        }
        awaitMisses(4);
        state.gate.countDown();
        List<String> ids = asked.stream().map(each -> id(each.join())).toList();
        assertThat(provider.calls()).isEqualTo(1);
        assertThat(ids).doesNotHaveDuplicates().filteredOn("resp_1"::equals).hasSize(1);
        for (String id : ids) {
            HttpResponse<String> next = proxy.cached(RESPONSES, turn(RESPONSES, "two", id, stream));
            assertThat(next.body()).contains("after resp_1");
        }
        assertThat(provider.calls()).isEqualTo(2);
        assertThat(state.refused()).isZero();
    }

    /** The body with the provider's id is a second copy in memory, and counts in the budget until the call is over. */
    @Test
    void w26b_theBodyWithTheProvidersIdCountsInTheBudget() {
        String issued = id(proxy.cached(RESPONSES, turn(RESPONSES, "one", null, false)));
        String hit = id(proxy.cached(RESPONSES, turn(RESPONSES, "one", null, false)));
        // Large compared with the parts of a request that are still being read: these take up to 128 KiB, which varies.
        int length = 1_000_000;
        long asItCame = usedDuringCall(turn(RESPONSES, "a".repeat(length), issued, false));
        long withOther = usedDuringCall(turn(RESPONSES, "b".repeat(length), hit, false));
        assertThat(withOther).isGreaterThan(asItCame + length / 2);
        assertThat(state.refused()).isZero();
    }

    private long usedDuringCall(String body) {
        until(() -> proxy.memory().usedBytes() == 0);
        CountDownLatch gate = new CountDownLatch(1);
        CompletableFuture<Long> used = new CompletableFuture<>();
        provider.does((exchange, request) -> {
            used.complete(proxy.memory().usedBytes());
            gate.await();
            state.answer(exchange, request);
        });
        var answer = proxy.sendAsync(proxy.post(RESPONSES, body).setHeader("X-OpenRouter-Cache", "true"));
        long during = used.join();
        gate.countDown();
        assertThat(answer.join().statusCode()).isEqualTo(200);
        return during;
    }

    private void awaitMisses(int count) {
        until(() -> proxy.stats().misses() >= count);
    }

    @Test
    void w26b_idsInPathsOfResponsesAreTranslated() {
        String one = id(proxy.cached(RESPONSES, turn(RESPONSES, "one", null, false)));
        String hit = id(proxy.cached(RESPONSES, turn(RESPONSES, "one", null, false)));
        assertThat(one).isEqualTo("resp_1");
        assertThat(send("GET", "/v1/responses/" + hit, "sk-test").body()).contains("\"id\":\"resp_1\"");
        for (String below : List.of("", "/input_items?limit=2", "/cancel")) {
            for (String prefix : List.of("/v1", "/api/v1")) {
                String method = below.isEmpty() ? "DELETE" : below.equals("/cancel") ? "POST" : "GET";
                assertThat(send(method, prefix + "/responses/" + hit + below, "sk-test")
                                .statusCode())
                        .isEqualTo(200);
                assertThat(provider.received()).last().satisfies(request -> {
                    assertThat(request.method()).isEqualTo(method);
                    assertThat(request.uri()).isEqualTo("/api/v1/responses/resp_1" + below);
                });
            }
        }
        assertThat(state.refused()).isZero();
        // For another caller the id is unknown.
        assertThat(send("GET", "/v1/responses/" + hit, "sk-other").statusCode()).isEqualTo(404);
        assertThat(provider.received())
                .last()
                .satisfies(request -> assertThat(request.uri()).isEqualTo("/api/v1/responses/" + hit));
        assertThat(send("GET", "/v1/responses/resp_1", "sk-other").statusCode()).isEqualTo(200);
    }

    private HttpResponse<String> send(String method, String path, String apiKey) {
        return proxy.send(HttpRequest.newBuilder(proxy.uri(path))
                .method(method, BodyPublishers.noBody())
                .header("Authorization", "Bearer " + apiKey));
    }

    @Test
    void w26b_idsAreNotTranslatedAcrossScopes() {
        chain(RESPONSES, false);
        String hit = id(proxy.cached(RESPONSES, turn(RESPONSES, "one", null, false)));
        HttpResponse<String> theirs =
                proxy.cached(RESPONSES, turn(RESPONSES, "two", hit, false), "Authorization", "Bearer sk-other");
        assertThat(theirs.statusCode()).isEqualTo(404);
        assertThat(provider.received())
                .last()
                .satisfies(request -> assertThat(request.body()).contains(hit));
    }

    @Test
    void w26b_presetsAreMergedWithTheProvidersIds() throws IOException {
        Path config = folder.resolve("refrain.yaml");
        Files.writeString(config, "presets:\n  - slug: brief\n    temperature: 0.2\n");
        restart(Map.of(), "--config", config.toString());
        String first = "{\"preset\":\"brief\",\"model\":\"m\",\"input\":\"one\"}";
        assertThat(id(proxy.cached(RESPONSES, first))).isEqualTo("resp_1");
        String hit = id(proxy.cached(RESPONSES, first));
        String next = "{\"preset\":\"brief\",\"model\":\"m\",\"input\":\"two\",\"previous_response_id\":\"%s\"}";
        assertThat(id(proxy.cached(RESPONSES, next.formatted(hit)))).isEqualTo("resp_2");
        assertHit(proxy.cached(RESPONSES, next.formatted("resp_1")));
        assertHit(proxy.cached(RESPONSES, next.formatted(hit)));
        assertThat(provider.received().get(1).body()).contains("\"resp_1\"", "\"temperature\":0.2");
    }

    @Test
    void w19_f4_conversationsAreNotEligible() {
        for (int i = 0; i < 2; i++) {
            HttpResponse<String> response =
                    proxy.cached(RESPONSES, "{\"model\":\"m\",\"conversation\":\"conv_1\",\"input\":\"ping\"}");
            assertMiss(response);
            assertThat(header(response, TTL)).isNull();
            assertThat(header(response, "Cache-Status")).startsWith("refrain; fwd=bypass; detail=stateful");
        }
        assertThat(provider.calls()).isEqualTo(2);
        String without = "{\"model\":\"m\",\"conversation\":null,\"input\":\"ping\"}";
        proxy.cached(RESPONSES, without);
        assertHit(proxy.cached(RESPONSES, without));
        // Only Responses gives this member a meaning.
        assertThat(header(proxy.cached(MESSAGES, "{\"conversation\":\"conv_1\",\"messages\":[]}"), "Cache-Status"))
                .contains("stored");
    }
}
