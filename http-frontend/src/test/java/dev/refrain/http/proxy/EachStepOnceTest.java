package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.RequestFields;
import dev.refrain.testing.ScriptedProvider;
import io.undertow.util.HeaderMap;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;

/**
 * A request's path works out each thing once: the caller, the cache directives, and the key. The test counts reads of
 * the header and derivations of the key.
 */
class EachStepOnceTest extends WireTest {
    private static final String KEY = "a key is made";
    private static final String ALL_FIELDS = "all fields are gone through";
    private static final String HEAD = "POST " + CHAT + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\n"
            + "X-OpenRouter-Cache: true\r\nX-OpenRouter-Cache-TTL: 60\r\nCache-Control: max-age=60\r\n";

    private final Map<String, Integer> counts = new ConcurrentSkipListMap<>(String.CASE_INSENSITIVE_ORDER);

    private final Steps counting = new Steps() {
        @Override
        RequestFields fields(HeaderMap headers) {
            return new CountingFields(super.fields(headers));
        }

        @Override
        Optional<CacheKey> key(ResponseCache cache, CacheRequest request) {
            count(KEY);
            return super.key(cache, request);
        }
    };

    private void count(String what) {
        counts.merge(what, 1, Integer::sum);
    }

    private final class CountingFields implements RequestFields {
        private final RequestFields fields;

        CountingFields(RequestFields fields) {
            this.fields = fields;
        }

        @Override
        public String first(String name) {
            count(name);
            return fields.first(name);
        }

        @Override
        public List<String> all(String name) {
            count(name);
            return fields.all(name);
        }

        @Override
        public void forEach(BiConsumer<String, List<String>> action) {
            count(ALL_FIELDS);
            fields.forEach(action);
        }
    }

    @Override
    RunningProxy startProxy(Map<String, String> variables, String... flags) throws IOException {
        return new RunningProxy(counting, folder.resolve("answers.refrain"), provider.base(), variables, flags);
    }

    private HttpResponse<String> ask() {
        return proxy.send(proxy.post(
                CHAT,
                CHAT_REQUEST,
                "X-OpenRouter-Cache",
                "true",
                "X-OpenRouter-Cache-TTL",
                "60",
                "Cache-Control",
                "max-age=60",
                "anthropic-beta",
                "a"));
    }

    private void assertThatTheHeaderWasReadOnce() {
        assertThat(counts)
                .containsEntry("X-OpenRouter-Cache", 1)
                .containsEntry("X-OpenRouter-Cache-TTL", 1)
                .containsEntry("X-OpenRouter-Cache-Clear", 1)
                .containsEntry("Cache-Control", 1)
                .containsEntry("Content-Encoding", 1)
                .containsEntry("anthropic-beta", 1);
    }

    @Test
    void aMiss() {
        assertMiss(ask());
        assertThatTheHeaderWasReadOnce();
        // One read looks for credentials, which may be in any field; one copies all fields to the provider.
        assertThat(counts).containsEntry(ALL_FIELDS, 2).containsEntry(KEY, 1);
    }

    @Test
    void aHitTheLongWay() {
        assertMiss(ask());
        proxy.forgetConnections();
        counts.clear();
        assertHit(ask());
        assertThatTheHeaderWasReadOnce();
        assertThat(counts).containsEntry(ALL_FIELDS, 1).containsEntry(KEY, 1);
    }

    @Test
    void aHitByTheShortcutReadsNoField() throws IOException {
        try (RawClient client = new RawClient(proxy.port())) {
            assertThat(ask(client, 1)).contains("MISS");
            counts.clear();
            assertThat(ask(client, 1)).contains("HIT");
            assertThat(counts).containsOnlyKeys(KEY).containsEntry(KEY, 1);
        }
    }

    @Test
    void aMissThatTheShortcutHasLookedUp() throws IOException {
        try (RawClient client = new RawClient(proxy.port())) {
            assertThat(ask(client, 1)).contains("MISS");
            counts.clear();
            String miss = ask(client, 2);
            assertThat(miss).contains("MISS");
            assertThat(counts).containsEntry(KEY, 1);
            counts.clear();
            // The answer is stored under that key, and both ways find it.
            assertThat(ask(client, 2)).contains("HIT").contains(keyOf(miss));
            try (RawClient other = new RawClient(proxy.port())) {
                assertThat(ask(other, 2)).contains("HIT").contains(keyOf(miss));
            }
            assertThat(ask(client, 3)).contains("MISS").doesNotContain(keyOf(miss));
        }
    }

    private static String ask(RawClient client, int number) throws IOException {
        String body = "{\"model\":\"acme/large\",\"n\":" + number + "}";
        client.send(HEAD + "Content-Length: " + body.length() + "\r\n\r\n" + body);
        return client.readResponse();
    }

    private static String keyOf(String response) {
        return response.replaceAll("(?s).*(key=\"[0-9a-f]+\").*", "$1");
    }

    @Test
    void aRequestWithAPreset() throws IOException {
        Files.writeString(folder.resolve("refrain.yaml"), "presets:\n  - {slug: full, cache_enabled: true, seed: 7}\n");
        restart(Map.of(), "--config", folder.resolve("refrain.yaml").toString());
        HttpRequest.Builder request =
                proxy.post(CHAT, "{\"model\":\"@preset/full\"}", "Cache-Control", "max-age=60", "anthropic-beta", "a");
        assertMiss(proxy.send(request));
        assertThatTheHeaderWasReadOnce();
        assertThat(counts).containsEntry(ALL_FIELDS, 2).containsEntry(KEY, 1);
    }

    @Test
    void aRequestThatIsForwarded() {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, "{}"));
        proxy.send(proxy.post("/v1/responses/resp_1/cancel", "{}"));
        assertThat(counts)
                .containsEntry(ALL_FIELDS, 2)
                .doesNotContainKeys("X-OpenRouter-Cache", "Cache-Control", "Content-Encoding", KEY);
    }

    @Test
    void aRequestForAnUnknownGeneration() {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 404, "{}"));
        proxy.send(HttpRequest.newBuilder(proxy.uri("/v1/generation?id=gen-1")).header("Authorization", "Bearer k"));
        assertThat(counts).containsEntry(ALL_FIELDS, 2).doesNotContainKey(KEY);
    }
}
