package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.console.activity.Activity;
import dev.refrain.console.activity.Filter;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Wire rules W80 and W81: what an operator can set without changing clients. */
class PolicyWireTest extends AdminTest {
    private static final String EMBEDDINGS = "/v1/embeddings";

    private void with(String yaml) throws IOException {
        Path file = Files.writeString(folder.resolve("settings.yaml"), yaml);
        restart(Map.of(), "--config", file.toString());
    }

    private HttpResponse<String> plain(String body, String... headers) {
        return proxy.send(proxy.post(CHAT, body, headers));
    }

    private static String sha256(String key) throws Exception {
        return HexFormat.of()
                .formatHex(MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8)));
    }

    // ---- W80

    @Test
    void w80_cachingCanBeOnByDefault() throws IOException {
        restart(Map.of("REFRAIN_CACHE_DEFAULT", "on", "REFRAIN_CACHE_TTL", "30d", "REFRAIN_CACHE_MAX_TTL", "365d"));
        assertThat(header(plain(CHAT_REQUEST), TTL)).isEqualTo("2592000");
        assertHit(plain(CHAT_REQUEST));
        // This request takes the shortcut.
        assertHit(plain(CHAT_REQUEST));
        assertUncached(plain(CHAT_REQUEST, "X-OpenRouter-Cache", "false"));
        assertThat(header(plain(chat("m", "long"), TTL, "99999999999"), TTL)).isEqualTo("31536000");
        assertThat(header(plain(chat("m", "short"), TTL, "5"), TTL)).isEqualTo("5");
    }

    @ParameterizedTest
    @CsvSource({"'off',false", "off,false", "on,true", "'on',true"})
    void w80_yamlsWordsForOnAndOff(String word, boolean on) throws IOException {
        with("cache: {default: " + word + "}");
        assertThat(header(plain(CHAT_REQUEST), STATUS)).isEqualTo(on ? "MISS" : null);
    }

    // ---- W81

    @Test
    void w81_neverStoresNothingOfARequest() throws Exception {
        with("""
                cache: {default: 'on'}
                policies:
                  - name: zero retention
                    match: {label: legal}
                    cache: never
                labels:
                  - {name: legal, sha256: %s}
                """.formatted(sha256("sk-legal")));
        String secret = chat("m", "attorney-client-privilege");
        for (int i = 0; i < 3; i++) {
            assertUncached(plain(secret, "Authorization", "Bearer sk-legal", "X-OpenRouter-Cache", "true"));
        }
        assertMiss(plain(secret, "Authorization", "Bearer sk-other"));
        assertHit(plain(secret, "Authorization", "Bearer sk-other"));
        assertThat(provider.calls()).isEqualTo(4);
        List<Activity> log = proxy.activity(5).query(Filter.ALL, 5, null).data();
        assertThat(log)
                .extracting(Activity::policy)
                .containsExactly(null, null, "zero retention", "zero retention", "zero retention");
        JsonNode explained = explain(secret, "Authorization", "Bearer sk-legal", "X-OpenRouter-Cache", "true");
        assertThat(explained.path("policy").asText()).isEqualTo("zero retention");
        assertThat(explained.path("why").asText())
                .isEqualTo("The policy zero retention says never, and nothing can turn caching on.");
        assertThat(explained.toString()).doesNotContain("privilege");
    }

    @Test
    void w81_neverLeavesNoContentOnDisk() throws Exception {
        with("""
                cache: {default: 'on'}
                policies:
                  - {match: {model: secret-*}, cache: never}
                """);
        provider.does((exchange, request) -> dev.refrain.testing.ScriptedProvider.json(
                exchange, 200, CHAT_ANSWER.replace("Hello", "privileged-answer")));
        String request = chat("secret-1", "privileged-prompt");
        for (int i = 0; i < 3; i++) {
            assertUncached(plain(request, "X-OpenRouter-Cache", "true"));
        }
        proxy.activity(3);
        proxy.close();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                String content = Files.readString(file, StandardCharsets.ISO_8859_1);
                assertThat(content.contains("privileged-")).as(file.toString()).isFalse();
            }
        }
        proxy = startProxy(Map.of());
    }

    /** The policy holds however a request names the model, and whichever other models it names. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/v1/chat/completions | 'model':'openai/secret'",
                "/v1/chat/completions | 'model':'openai/secret@preset/any'",
                "/v1/chat/completions | 'model':'openai/secret@preset/known'",
                "/v1/chat/completions | 'models':['cheap','openai/secret']",
                "/v1/chat/completions | 'model':'cheap','models':['openai/secret@preset/any']",
                "/v1/chat/completions | 'model':'cheap','m\\u006fdels':['openai\\/secret']",
                "/v1/chat/completions | 'model':'cheap','models':[{'openai/secret':1}]",
                "/openai/deployments/secret/chat/completions?api-version=1 | 'n':1",
            })
    void w81_neverForAModelHoldsHoweverItIsNamed(String path, String members) throws IOException {
        with("""
                cache: {default: 'on'}
                presets: [{slug: known, cache_enabled: true}]
                policies:
                  - {match: {model: cheap}, cache: 'on'}
                  - {match: {model: '*secret'}, cache: never}
                """);
        String body = "{" + members.replace('\'', '"') + ",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
        assertUncached(proxy.send(proxy.post(path, body, "X-OpenRouter-Cache", "true")));
        assertThat(proxy.stats().store().entries()).isZero();
    }

    @Test
    void w81_neverForOneOfSeveralKeysHolds() throws Exception {
        with("""
                cache: {default: 'on'}
                policies: [{match: {label: legal}, cache: never}]
                labels:
                  - {name: legal, sha256: %s}
                  - {name: gateway, sha256: %s}
                """.formatted(sha256("sk-legal"), sha256("sk-gateway")));
        assertUncached(plain(CHAT_REQUEST, "Authorization", "Bearer sk-legal", "api-key", "sk-gateway"));
        assertUncached(plain(CHAT_REQUEST, "Authorization", "Bearer sk-gateway", "api-key", "sk-legal"));
        assertMiss(plain(CHAT_REQUEST, "Authorization", "Bearer sk-gateway"));
    }

    /** If the head has decided, a body that cannot be read does not change the decision. */
    @Test
    void w81_neverForALabelHoldsForABodyThatIsNotRead() throws Exception {
        with("""
                cache: {default: 'on'}
                policies:
                  - {name: zero, match: {label: legal}, cache: never}
                  - {match: {model: cheap}, cache: 'on'}
                labels:
                  - {name: legal, sha256: %s}
                """.formatted(sha256("sk-legal")));
        HttpResponse<String> response = plain(
                CHAT_REQUEST,
                "Authorization",
                "Bearer sk-legal",
                "Content-Encoding",
                "br",
                "Cache-Control",
                "only-if-cached");
        assertUncached(response);
        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(proxy.activity(1).query(Filter.ALL, 1, null).data())
                .extracting(Activity::policy)
                .containsExactly("zero");
    }

    @Test
    void w81_policiesByModelAndEndpoint() throws IOException {
        with("""
                cache: {ttl: 60s}
                policies:
                  - {match: {endpoint: embeddings}, cache: 'on', ttl: 30d, max-ttl: 60d}
                  - {match: {model: '*mini'}, cache: 'on', max-ttl: 10s}
                  - {match: {model: other}, cache: off}
                """);
        provider.does((exchange, request) -> dev.refrain.testing.ScriptedProvider.json(
                exchange,
                200,
                request.body().contains("input")
                        ? "{\"object\":\"list\",\"data\":[{\"index\":0,\"embedding\":[1]}],\"usage\":{}}"
                        : CHAT_ANSWER));
        String embedding = "{\"model\":\"e\",\"input\":\"a\"}";
        assertThat(header(proxy.send(proxy.post(EMBEDDINGS, embedding)), TTL)).isEqualTo("2592000");
        assertHit(proxy.send(proxy.post(EMBEDDINGS, embedding)));
        assertThat(header(plain(chat("gpt-mini", "a"), TTL, "3600"), TTL)).isEqualTo("10");
        assertHit(plain(chat("gpt-mini", "a")));
        assertUncached(plain(chat("other", "a")));
        assertMiss(plain(chat("other", "a"), "X-OpenRouter-Cache", "true"));
        assertUncached(plain(chat("gpt", "a")));
        assertThat(explain(chat("gpt-mini", "a")).path("policy").asText()).isEqualTo("policies[1]");
        assertThat(explain(chat("gpt", "a")).path("policy").isNull()).isTrue();
        assertThat(explain(chat("other", "a")).path("why").asText()).startsWith("The policy policies[2] turns caching");
    }

    @Test
    void w81_readOnlyStoresNothingAndWriteOnlyServesNoHits() throws IOException {
        with("""
                policies:
                  - {match: {model: reads}, mode: read-only}
                  - {match: {model: writes}, mode: write-only}
                """);
        assertMiss(proxy.cached(CHAT, chat("reads", "a")));
        assertMiss(proxy.cached(CHAT, chat("reads", "a")));
        assertMiss(proxy.cached(CHAT, chat("writes", "a")));
        assertMiss(proxy.cached(CHAT, chat("writes", "a")));
        assertThat(provider.calls()).isEqualTo(4);
        assertThat(proxy.stats().store().entries()).isEqualTo(1);
        restart(Map.of());
        assertHit(proxy.cached(CHAT, chat("writes", "a")));
        assertMiss(proxy.cached(CHAT, chat("reads", "a")));
        with("policies: [{match: {model: reads}, mode: read-only}]");
        assertHit(proxy.cached(CHAT, chat("reads", "a")));
    }

    @Test
    void w81_anExceededLimitIsABypassThatNamesIt() throws IOException {
        with("policies: [{name: plain, cache: 'on', max-temperature: 0.2, tools: false, max-turns: 1}]");
        String cold = CHAT_REQUEST.replace("{\"model\"", "{\"temperature\":0.2,\"model\"");
        assertMiss(plain(cold));
        assertHit(plain(cold));
        assertBypass(plain(cold.replace("0.2", "0.3")), "max-temperature");
        assertBypass(plain(CHAT_REQUEST), "max-temperature");
        assertBypass(plain(cold.replace("{\"temp", "{\"tools\":[{\"type\":\"function\"}],\"temp")), "tools");
        assertBypass(plain(cold.replace("\"messages\":[", "\"messages\":[{\"role\":\"user\"},")), "max-turns");
        assertThat(explain(CHAT_REQUEST).path("reason").asText()).isEqualTo("max-temperature");
        assertThat(explain(CHAT_REQUEST).path("policy").asText()).isEqualTo("plain");
    }

    private static void assertBypass(HttpResponse<String> response, String detail) {
        assertMiss(response);
        assertThat(header(response, TTL)).isNull();
        assertThat(header(response, "Cache-Status")).startsWith("refrain; fwd=bypass; detail=" + detail + ";");
    }

    @Test
    void w81_aPresetIsMatchedByItsSlugKnownHereOrNot() throws IOException {
        with("""
                presets:
                  - {slug: known, model: brought}
                policies:
                  - {match: {preset: known, model: brought}, cache: 'on', ttl: 11s}
                  - {match: {preset: remote}, cache: 'on', ttl: 12s}
                """);
        String messages = "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
        assertThat(header(plain("{\"preset\":\"known\"," + messages), TTL)).isEqualTo("11");
        assertThat(header(plain("{\"model\":\"@preset/remote\"," + messages), TTL))
                .isEqualTo("12");
        assertUncached(plain("{\"model\":\"m\"," + messages));
    }

    private JsonNode explain(String body, String... headers) {
        ObjectNode question = JSON.createObjectNode();
        question.put("path", CHAT);
        question.put("body", body);
        ObjectNode sent = question.putObject("headers");
        for (int i = 0; i < headers.length; i += 2) {
            sent.put(headers[i], headers[i + 1]);
        }
        return tree(ask("POST", "/admin/api/explain", question.toString()));
    }
}
