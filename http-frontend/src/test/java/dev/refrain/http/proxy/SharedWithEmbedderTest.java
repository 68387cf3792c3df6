package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.console.activity.Activity;
import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.ActivityOptions;
import dev.refrain.console.activity.Filter;
import dev.refrain.console.activity.Outcome;
import dev.refrain.engine.ResponseCache;
import dev.refrain.okhttp.RefrainInterceptor;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A proxy and a program with the cache inside read each other's store files and logs. */
class SharedWithEmbedderTest {
    private static final String STATUS = "X-OpenRouter-Cache-Status";

    @TempDir
    Path folder;

    private ScriptedProvider provider;

    @BeforeEach
    void start() throws IOException {
        provider = new ScriptedProvider();
    }

    @AfterEach
    void stop() {
        provider.close();
    }

    private Path store() {
        return folder.resolve("answers.refrain");
    }

    private String base() {
        return provider.base().toString().replace("/api/v1", "");
    }

    private String askProxy(String path, String body) throws IOException {
        try (RunningProxy proxy = new RunningProxy(store(), provider.base(), Map.of())) {
            return proxy.cached(path, body, "anthropic-version", "2023-06-01")
                    .headers()
                    .firstValue(STATUS)
                    .orElseThrow();
        }
    }

    private String askEmbedder(RefrainOptions options, String path, String body) throws IOException {
        try (ResponseCache cache = ResponseCache.open(store(), 32L << 20)) {
            OkHttpClient client = new OkHttpClient.Builder()
                    .addInterceptor(RefrainInterceptor.of(cache, options))
                    .build();
            Request request = new Request.Builder()
                    .url(base() + path)
                    .header("Authorization", "Bearer sk-test")
                    .header("anthropic-version", "2023-06-01")
                    .post(RequestBody.create(body.getBytes(StandardCharsets.UTF_8), MediaType.get("application/json")))
                    .build();
            try (Response response = client.newCall(request).execute()) {
                response.body().string();
                return response.header(STATUS);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "/chat/completions,''",
        "/responses,''",
        "/messages,''",
        "/embeddings,''",
        "/chat/completions,?api-version=1"
    })
    void w10_theKeysAreTheSame(String path, String query) throws IOException {
        String body = "{\"model\":\"m\"}";
        assertThat(askProxy("/v1" + path + query, body)).isEqualTo("MISS");
        assertThat(askEmbedder(RefrainOptions.DEFAULTS, "/api/v1" + path + query, body))
                .isEqualTo("HIT");
        String other = "{\"model\":\"n\"}";
        assertThat(askEmbedder(RefrainOptions.DEFAULTS, "/api/v1" + path + query, other))
                .isEqualTo("MISS");
        assertThat(askProxy("/v1" + path + query, other)).isEqualTo("HIT");
        assertThat(provider.calls()).isEqualTo(2);
    }

    @Test
    void w1b_theKeysOfAzuresDeploymentsAreTheSameToo() throws IOException {
        String path = "/openai/deployments/d/chat/completions";
        assertThat(askProxy(path, "{}")).isEqualTo("MISS");
        assertThat(askEmbedder(RefrainOptions.DEFAULTS, path, "{}")).isEqualTo("HIT");
        assertThat(askEmbedder(RefrainOptions.DEFAULTS, path.replace("/d/", "/e/"), "{}"))
                .isEqualTo("MISS");
    }

    @Test
    void anotherUrlOfTheProviderCanHaveTheSameName() throws IOException {
        assertThat(askProxy("/v1/chat/completions", "{}")).isEqualTo("MISS");
        RefrainOptions options =
                RefrainOptions.builder().upstream(provider.base().toString()).build();
        assertThat(askEmbedder(options, "/other/v1/chat/completions", "{}")).isEqualTo("HIT");
    }

    @Test
    void w61_aProgramsRequestsAreLoggedAsTheProxysAre() throws IOException {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, WireTest.CHAT_ANSWER));
        try (ActivityLog log = ActivityLog.open(
                ActivityOptions.of(folder.resolve("log"), 16L << 20, Duration.ofDays(1)), Clock.systemUTC())) {
            RefrainOptions options = RefrainOptions.builder().log(log).build();
            for (int i = 0; i < 2; i++) {
                askEmbedder(options, "/api/v1/chat/completions", "{\"model\":\"acme/large\"}");
            }
            List<Activity> records = log.query(Filter.ALL, 10, null).data();
            assertThat(records).extracting(Activity::outcome).containsExactly(Outcome.HIT, Outcome.MISS);
            assertThat(records).extracting(Activity::model).containsOnly("acme/large");
            assertThat(records).extracting(Activity::status).containsOnly(200);
            assertThat(records.get(1).promptTokens()).isEqualTo(9);
            assertThat(records.get(1).id()).isEqualTo("chatcmpl-123");
            assertThat(records.get(0).sourceId()).isEqualTo("chatcmpl-123");
            assertThat(records.get(0).tokensSaved()).isEqualTo(21);
            assertThat(records.get(0).finishReason()).isEqualTo("stop");
        }
    }
}
