package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.ResponseCache;
import dev.refrain.testing.CapturedLog;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The same request id in the answer, at the provider, in the access log, the log of requests and the log. */
class RequestIdTest extends WireTest {
    private static final String ID = "X-Request-Id";

    private String atTheProvider(int call) {
        return provider.received().get(call).headers().getFirst(ID);
    }

    @Test
    void aClientsIdIsUsedEverywhere() {
        HttpResponse<String> miss = proxy.cached(CHAT, CHAT_REQUEST, ID, "my-id/1");
        assertMiss(miss);
        assertThat(header(miss, ID)).isEqualTo("my-id/1");
        assertThat(provider.received().get(0).headers().get(ID)).containsExactly("my-id/1");
        // The shortcut answers the second request, and also the last one, whose head differs.
        for (String id : List.of("my-id/2", "my-id/2", "my-id/2", "my-id/3")) {
            HttpResponse<String> hit = proxy.cached(CHAT, CHAT_REQUEST, ID, id);
            assertHit(hit);
            assertThat(hit.headers().allValues(ID)).containsExactly(id);
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void aMissGetsANewIdAndAHitTheIdOfItsAnswer() {
        HttpResponse<String> miss = proxy.cached(CHAT, CHAT_REQUEST);
        assertThat(header(miss, ID)).matches("req-\\d{10}-[A-Za-z0-9]{20}").isEqualTo(atTheProvider(0));
        for (int i = 0; i < 3; i++) {
            HttpResponse<String> hit = proxy.cached(CHAT, CHAT_REQUEST);
            assertHit(hit);
            assertThat(header(hit, ID)).isEqualTo(header(hit, GENERATION)).startsWith("gen-");
        }
        HttpResponse<String> uncached = proxy.send(proxy.post(CHAT, CHAT_REQUEST));
        assertThat(header(uncached, ID)).isEqualTo(atTheProvider(1)).isNotEqualTo(atTheProvider(0));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a b", "tab\there"})
    void anInvalidIdIsReplaced(String id) {
        HttpResponse<String> answer = proxy.cached(CHAT, CHAT_REQUEST, ID, id);
        assertThat(header(answer, ID)).startsWith("req-").isEqualTo(atTheProvider(0));
        assertThat(provider.received().get(0).headers().get(ID)).hasSize(1);
    }

    @Test
    void anIdOverTheMaximumLengthIsReplaced() {
        assertThat(header(proxy.cached(CHAT, CHAT_REQUEST, ID, "x".repeat(128)), ID))
                .hasSize(128);
        assertThat(header(proxy.cached(CHAT, CHAT_REQUEST, ID, "x".repeat(129)), ID))
                .startsWith("gen-");
    }

    /** The provider's support asks for this id, and the vendors' SDKs read it. */
    @Test
    void theProvidersIdStaysAndOursIsAdded() {
        provider.does((exchange, request) -> {
            exchange.getResponseHeaders().set("x-request-id", "req_of_provider");
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
        HttpResponse<String> miss = proxy.cached(CHAT, CHAT_REQUEST, ID, "mine");
        assertThat(miss.headers().allValues(ID)).containsExactly("req_of_provider");
        assertThat(header(miss, "X-Refrain-Request-Id")).isEqualTo("mine");
        assertThat(miss.body()).isEqualTo(CHAT_ANSWER);
        HttpResponse<String> hit = proxy.cached(CHAT, CHAT_REQUEST, ID, "mine");
        assertThat(header(hit, ID)).isEqualTo("mine");
        assertThat(header(hit, "X-Refrain-Request-Id")).isNull();
    }

    @Test
    void aForwardedRequestGetsNoId() {
        HttpResponse<String> answer = proxy.send(proxy.post("/v1/rerank", "{}"));
        assertThat(atTheProvider(0)).isNull();
        assertThat(header(answer, ID)).isNull();
    }

    // ---- the log of requests

    @Test
    void theLogOfRequestsHasItAndFindsRequestsByIt() throws IOException {
        proxy.cached(CHAT, CHAT_REQUEST, ID, "my-id/1");
        // The shortcut answers the last one.
        for (int i = 0; i < 3; i++) {
            proxy.cached(CHAT, CHAT_REQUEST, ID, "my-id/2");
        }
        String fetched = header(proxy.send(proxy.post(CHAT, CHAT_REQUEST)), ID);
        String hit = header(proxy.cached(CHAT, CHAT_REQUEST), ID);
        String failed =
                header(proxy.cached(CHAT, CHAT_STREAM_REQUEST, "Cache-Control", "only-if-cached", ID, "bad"), ID);

        assertThat(requests("my-id/1"))
                .extracting(one -> one.path("cache").asText())
                .containsExactly("miss");
        assertThat(requests("my-id/2"))
                .hasSize(3)
                .allSatisfy(one -> assertThat(one.path("cache").asText()).isEqualTo("hit"));
        assertThat(requests(fetched))
                .extracting(one -> one.path("cache").asText())
                .containsExactly("off");
        assertThat(requests(hit)).extracting(one -> one.path("id").asText()).containsExactly(hit);
        assertThat(failed).isEqualTo("bad");
        assertThat(requests("bad")).hasSize(1);
        assertThat(requests("my-id")).isEmpty();
        restart(Map.of());
        assertThat(requests("my-id/2")).hasSize(3);
    }

    private List<JsonNode> requests(String id) throws IOException {
        proxy.activity(7);
        String found = proxy.send(HttpRequest.newBuilder(proxy.admin("/admin/api/activity?request_id=" + id)))
                .body();
        List<JsonNode> requests = new ArrayList<>();
        new ObjectMapper().readTree(found).path("data").forEach(requests::add);
        assertThat(requests)
                .allSatisfy(one -> assertThat(one.path("request_id").asText()).isEqualTo(id));
        return requests;
    }

    // ---- the log

    @Test
    void aLineAboutARequestHasItsId() throws IOException {
        proxy.close();
        Steps broken = new Steps() {
            @Override
            Optional<CacheKey> key(ResponseCache cache, CacheRequest request) {
                throw new IllegalStateException("broken by the test");
            }
        };
        proxy = new RunningProxy(broken, folder.resolve("answers.refrain"), provider.base(), Map.of());
        // The key of such a long body is derived on another thread, which also handles an exception from that.
        String request = CHAT_REQUEST.replace("hi", "hi".repeat(200_000));
        try (CapturedLog log = new CapturedLog("dev.refrain.http.proxy.ProxyHandler")) {
            HttpResponse<String> given = proxy.cached(CHAT, request, ID, "my-id/1");
            HttpResponse<String> made = proxy.cached(CHAT, request);
            assertThat(header(made, ID)).startsWith("req-").isEqualTo(atTheProvider(1));
            assertThat(log.lines())
                    .containsExactly(
                            "SEVERE A request body of " + request.length() + " bytes could not be read by the cache: "
                                    + header(given, ID),
                            "SEVERE A request body of " + request.length() + " bytes could not be read by the cache: "
                                    + header(made, ID));
        }
    }

    // ---- the access log

    private List<JsonNode> lines(Path file, int count) throws IOException {
        until(() -> {
            try {
                return Files.exists(file) && Files.readAllLines(file).size() >= count;
            } catch (IOException e) {
                return false;
            }
        });
        ObjectMapper json = new ObjectMapper();
        return Files.readAllLines(file).stream()
                .map(line -> {
                    try {
                        return json.readTree(line);
                    } catch (IOException e) {
                        throw new IllegalStateException(line, e);
                    }
                })
                .toList();
    }

    @Test
    void theAccessLogHasALineForEachRequestWithItsIdAndNoSecret() throws IOException {
        Path file = folder.resolve("access.log");
        restart(Map.of("REFRAIN_LOG_ACCESS", file.toString(), "REFRAIN_LOG_FORMAT", "json"));
        String path = CHAT + "?key=sk-query";
        HttpResponse<String> miss = proxy.cached(path, CHAT_REQUEST, ID, "one");
        HttpResponse<String> hit = proxy.cached(path, CHAT_REQUEST);
        proxy.cached(path, CHAT_REQUEST);
        HttpResponse<String> shortcut = proxy.cached(path, CHAT_REQUEST);
        assertHit(shortcut);
        proxy.send(proxy.post("/v1/rerank?key=sk-query", "{}", ID, "two"));
        proxy.send(HttpRequest.newBuilder(proxy.uri("/nowhere")));

        List<JsonNode> lines = lines(file, 6);
        assertThat(lines).hasSize(6);
        for (JsonNode line : lines.subList(0, 4)) {
            assertThat(line.path("path").asText()).isEqualTo(CHAT);
            assertThat(line.path("method").asText()).isEqualTo("POST");
            assertThat(line.path("protocol").asText()).isEqualTo("HTTP/1.1");
            assertThat(line.path("client").asText()).isEqualTo("127.0.0.1");
            assertThat(line.path("status").asInt()).isEqualTo(200);
            assertThat(line.path("model").asText()).isEqualTo("acme/large");
            assertThat(line.path("duration_us").asLong()).isPositive();
            assertThat(line.path("scope").asText()).matches("[0-9a-f]{12}");
            assertThat(line.path("key").asText()).matches("[0-9a-f]{12}");
            assertThat(line.path("bytes").asLong()).isPositive();
        }
        assertThat(lines.get(0).path("request_id").asText()).isEqualTo("one");
        assertThat(lines.get(0).path("id").asText()).isEqualTo(header(miss, GENERATION));
        assertThat(lines.get(0).path("cache").asText()).isEqualToIgnoringCase("miss");
        assertThat(lines.get(1).path("request_id").asText()).isEqualTo(header(hit, ID));
        assertThat(lines.get(3).path("request_id").asText()).isEqualTo(header(shortcut, ID));
        assertThat(lines.get(3).path("cache").asText()).isEqualToIgnoringCase("hit");
        assertThat(lines.get(4).path("path").asText()).isEqualTo("/v1/rerank");
        assertThat(lines.get(4).path("request_id").asText()).isEqualTo("two");
        assertThat(lines.get(5).path("status").asInt()).isEqualTo(404);
        assertThat(Files.readString(file)).doesNotContain("sk-");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
    }

    @Test
    void aRenamedAccessLogIsClosedOnReload() throws Exception {
        Path file = folder.resolve("access.log");
        restart(Map.of("REFRAIN_LOG_ACCESS", file.toString(), "REFRAIN_LOG_FORMAT", "json"));
        proxy.cached(CHAT, CHAT_REQUEST);
        lines(file, 1);
        Files.move(file, folder.resolve("access.log.1"));
        proxy.cached(CHAT, CHAT_REQUEST);
        lines(folder.resolve("access.log.1"), 2);
        proxy.send(HttpRequest.newBuilder(proxy.admin("/admin/api/reload"))
                .POST(HttpRequest.BodyPublishers.noBody())
                .header("X-Refrain-Admin", "1"));
        proxy.cached(CHAT, CHAT_REQUEST);
        assertThat(lines(file, 1)).hasSize(1);
        assertThat(lines(folder.resolve("access.log.1"), 2)).hasSize(2);
    }
}
