package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.refrain.testing.CapturedLog;
import dev.refrain.testing.ScriptedProvider;
import dev.refrain.testing.SelfSigned;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The settings are read again while requests are served. */
class ReloadTest extends WireTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private Path file;

    private void settings(String yaml) throws IOException {
        if (file == null) {
            file = Files.writeString(folder.resolve("refrain.yaml"), yaml);
            restart(Map.of(), "--config", file.toString());
        } else {
            Files.writeString(file, yaml);
        }
    }

    private HttpResponse<String> reload() {
        return proxy.send(HttpRequest.newBuilder(proxy.admin("/admin/api/reload"))
                .POST(BodyPublishers.noBody())
                .header("X-Refrain-Admin", "1"));
    }

    private JsonNode reloaded() throws IOException {
        HttpResponse<String> answer = reload();
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return JSON.readTree(answer.body());
    }

    private static List<String> texts(JsonNode list) {
        return JSON.convertValue(list, JSON.getTypeFactory().constructCollectionType(List.class, String.class));
    }

    private static String sha256(String key) throws Exception {
        return HexFormat.of()
                .formatHex(MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8)));
    }

    private String policy(String cache) throws Exception {
        return """
                labels: [{name: ours, sha256: %s}]
                policies: [{name: p, match: {label: ours}, cache: %s}]
                """.formatted(sha256("sk-test"), cache);
    }

    /** Requests over one connection whose head the shortcut knows. */
    @Test
    void aPolicyHoldsForTheNextRequestOverTheSameConnection() throws Exception {
        settings(policy("on"));
        for (int i = 0; i < 4; i++) {
            HttpResponse<String> answer = proxy.send(proxy.post(CHAT, CHAT_REQUEST));
            assertThat(header(answer, STATUS)).isEqualTo(i == 0 ? "MISS" : "HIT");
        }
        assertThat(texts(reloaded().path("applied"))).isEmpty();
        assertHit(proxy.send(proxy.post(CHAT, CHAT_REQUEST)));

        settings(policy("never"));
        assertThat(texts(reloaded().path("applied"))).containsExactly("policies");
        for (int i = 0; i < 3; i++) {
            assertUncached(proxy.send(proxy.post(CHAT, CHAT_REQUEST)));
        }
        assertThat(provider.calls()).isEqualTo(4);

        settings(policy("on"));
        reloaded();
        for (int i = 0; i < 3; i++) {
            assertHit(proxy.send(proxy.post(CHAT, CHAT_REQUEST)));
        }
        assertThat(provider.calls()).isEqualTo(4);
    }

    @Test
    void labelsTeamsPresetsAndPricesApplyAfterAReload() throws Exception {
        settings("");
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST));
        assertThat(header(proxy.cached(CHAT, CHAT_REQUEST), "X-Refrain-Saved-Cost"))
                .isNull();
        settings("""
                teams: [{name: team, sha256: [%s, %s]}]
                labels: [{name: ours, sha256: %s}]
                presets: [{slug: quick, cache_enabled: true}]
                prices: [{model: acme/large, prompt: 1, completion: 2}]
                """.formatted(sha256("sk-test"), sha256("sk-other"), sha256("sk-test")));
        assertThat(texts(reloaded().path("applied"))).containsExactly("presets", "labels", "teams", "prices");

        // The team's scope has none of its members' earlier answers.
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST));
        HttpResponse<String> shared = proxy.cached(CHAT, CHAT_REQUEST, "Authorization", "Bearer sk-other");
        assertHit(shared);
        assertThat(header(shared, "X-Refrain-Saved-Cost")).endsWith(" USD");
        String preset = CHAT_REQUEST.replaceFirst("\\{", "{\"preset\":\"quick\",");
        assertMiss(proxy.send(proxy.post(CHAT, preset)));
        assertHit(proxy.send(proxy.post(CHAT, preset)));
        assertThat(proxy.send(HttpRequest.newBuilder(proxy.admin("/admin/api/activity?limit=9"))
                                .GET()
                                .header("X-Refrain-Admin", "1"))
                        .body())
                .contains("\"ours");
    }

    @Test
    void removedKeysAreRefusedAtOnce() throws Exception {
        settings("access: {keys: '%s, %s'}".formatted(sha256("sk-test"), sha256("sk-new")));
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST));
        assertHit(proxy.cached(CHAT, CHAT_REQUEST));
        assertHit(proxy.cached(CHAT, CHAT_REQUEST));
        settings("access: {keys: '%s'}".formatted(sha256("sk-new")));
        JsonNode answer = reloaded();
        assertThat(texts(answer.path("applied"))).containsExactly("access.keys");
        assertThat(answer.toString()).doesNotContain(sha256("sk-new"));
        assertThat(proxy.cached(CHAT, CHAT_REQUEST).statusCode()).isEqualTo(401);
        assertThat(proxy.cached(CHAT, CHAT_REQUEST, "Authorization", "Bearer sk-new")
                        .statusCode())
                .isEqualTo(200);
    }

    @Test
    void aRequestUnderWayKeepsTheSettingsItBeganWith() throws Exception {
        settings(policy("on"));
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            asked.countDown();
            goOn.await(20, TimeUnit.SECONDS);
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
        CompletableFuture<HttpResponse<String>> waiting = proxy.sendAsync(proxy.post(CHAT, CHAT_REQUEST));
        assertThat(asked.await(20, TimeUnit.SECONDS)).isTrue();
        settings(policy("never"));
        reloaded();
        goOn.countDown();
        assertMiss(waiting.get(20, TimeUnit.SECONDS));
        settings(policy("on"));
        reloaded();
        assertHit(proxy.send(proxy.post(CHAT, CHAT_REQUEST)));
    }

    @Test
    void aWrongFileChangesNothingAndSaysWhy() throws Exception {
        settings(policy("on"));
        assertMiss(proxy.send(proxy.post(CHAT, CHAT_REQUEST)));
        settings("policies: [{cache: never, match: {label: nobody}}]\nseal: maybe\nprices: 5");
        try (CapturedLog log = new CapturedLog(Reloading.class.getName())) {
            HttpResponse<String> answer = reload();
            assertThat(answer.statusCode()).isEqualTo(422);
            JsonNode said = JSON.readTree(answer.body());
            assertThat(said.at("/error/message").asText()).isEqualTo("Nothing was changed: the settings have faults.");
            assertThat(texts(said.path("faults")))
                    .satisfiesExactlyInAnyOrder(
                            fault -> assertThat(fault).startsWith("seal: 'maybe' (file "),
                            fault -> assertThat(fault).startsWith("prices: "),
                            fault -> assertThat(fault).startsWith("policies[0].match.label: 'nobody'"));
            assertThat(log.lines()).hasSize(3).allMatch(line -> line.startsWith("WARNING Nothing was reloaded: "));
        }
        assertHit(proxy.send(proxy.post(CHAT, CHAT_REQUEST)));
        Files.delete(file);
        assertThat(reload().body()).contains("does not exist");
        assertHit(proxy.send(proxy.post(CHAT, CHAT_REQUEST)));
    }

    @Test
    void changesThatNeedARestartAreNamedAndNotApplied() throws Exception {
        settings("cache: {ttl: 100s}");
        settings("cache: {ttl: 200s}\nlimits: {request-body: 1KiB}\nseal: true\nhit-ids: original");
        for (int i = 0; i < 2; i++) {
            JsonNode answer = reloaded();
            assertThat(texts(answer.path("applied"))).isEqualTo(i == 0 ? List.of("cache.ttl") : List.of());
            assertThat(texts(answer.path("needs_restart"))).containsExactly("seal", "hit-ids", "limits.request-body");
        }
        assertThat(header(proxy.cached(CHAT, CHAT_REQUEST), "X-OpenRouter-Cache-TTL"))
                .isEqualTo("200");
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST.replace("hi", "hi".repeat(2000))));
    }

    @Test
    void certificatesAreReadAgainAndAWrongOneChangesNothing() throws Exception {
        Path keys = folder.resolve("keys.p12");
        Path other = folder.resolve("other.p12");
        SelfSigned.write(keys);
        SelfSigned.write(other);
        Path certificate = folder.resolve("certificate.pem");
        Path key = folder.resolve("key.pem");
        SelfSigned.writePem(keys, certificate, key);
        Map<String, String> variables = new HashMap<>(
                Map.of("REFRAIN_TLS_CERTIFICATE", certificate.toString(), "REFRAIN_TLS_KEY", key.toString()));
        file = Files.writeString(folder.resolve("refrain.yaml"), "cache: {ttl: 100s}");
        restart(variables, "--config", file.toString());

        Files.writeString(certificate, "none");
        settings("cache: {ttl: 200s}");
        HttpResponse<String> refused = reload();
        assertThat(refused.statusCode()).isEqualTo(422);
        assertThat(refused.body()).contains("certificate.pem holds no certificates");

        SelfSigned.writePem(other, certificate, key);
        assertThat(texts(reloaded().path("applied"))).containsExactly("cache.ttl", "tls");
        HttpResponse<String> answer = HttpClient.newBuilder()
                .sslContext(SelfSigned.context(other))
                .build()
                .send(
                        HttpRequest.newBuilder(URI.create("https://localhost:" + proxy.port() + CHAT))
                                .POST(BodyPublishers.ofString(CHAT_REQUEST))
                                .header("X-OpenRouter-Cache", "true")
                                .build(),
                        BodyHandlers.ofString());
        assertThat(header(answer, "X-OpenRouter-Cache-TTL")).isEqualTo("200");
    }

    @Test
    void onlyAnAdministratorMayReload() {
        assertThat(proxy.send(HttpRequest.newBuilder(proxy.admin("/admin/api/reload"))
                                .POST(BodyPublishers.noBody()))
                        .statusCode())
                .isEqualTo(403);
        assertThat(proxy.send(HttpRequest.newBuilder(proxy.admin("/admin/api/reload"))
                                .GET()
                                .header("X-Refrain-Admin", "1"))
                        .statusCode())
                .isEqualTo(405);
    }
}
