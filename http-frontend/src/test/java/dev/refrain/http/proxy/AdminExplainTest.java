package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.testing.ChildJvm;
import dev.refrain.testing.Embeddings;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Why a request misses, asked through the admin API. */
class AdminExplainTest extends AdminTest {
    private JsonNode explain(String body, String... headers) {
        ObjectNode question = JSON.createObjectNode();
        question.put("path", CHAT);
        question.put("body", body);
        ObjectNode sent = question.putObject("headers");
        sent.put("authorization", "Bearer sk-test").put("X-OpenRouter-Cache", "true");
        for (int i = 0; i < headers.length; i += 2) {
            sent.put(headers[i], headers[i + 1]);
        }
        return tree(ask("POST", "/admin/api/explain", question.toString()));
    }

    /** Outlines are made in the background. */
    private JsonNode explainWhenOutlined(String body) {
        long deadline = System.nanoTime() + 20_000_000_000L;
        JsonNode answer = explain(body);
        while (answer.path("nearest").isEmpty() && System.nanoTime() < deadline) {
            answer = explain(body);
        }
        return answer;
    }

    @Test
    void aHitIsExplainedByItsEntryAndNotCounted() {
        HttpResponse<String> miss = proxy.cached(CHAT, chat("m", "hello"), TTL, "60");
        JsonNode answer = explain(" " + chat("m", "hello"));

        assertThat(answer.path("eligible").asBoolean()).isTrue();
        assertThat(answer.path("caching").asText()).isEqualTo("on");
        assertThat(answer.path("key").asText()).hasSize(64);
        assertThat(header(miss, "Cache-Status"))
                .contains("key=\"" + answer.path("key").asText().substring(0, 12));
        assertThat(answer.at("/entry/ttl_seconds").asInt()).isBetween(50, 60);
        assertThat(answer.at("/entry/source_id").asText()).isEqualTo("chatcmpl-123");
        assertThat(answer.at("/entry/hits").asInt()).isZero();
        assertThat(answer.at("/entry/bytes").asInt()).isPositive();
        assertThat(answer.at("/parts/endpoint").asText()).isEqualTo("chat");
        assertThat(answer.at("/parts/upstream").asText())
                .isEqualTo(provider.base().toString());
        assertThat(answer.at("/parts/query").asText()).isEqualTo("empty");
        assertThat(answer.path("nearest").isNull()).isTrue();
        assertThat(proxy.stats().hits()).isZero();
        assertThat(proxy.stats().misses()).isEqualTo(1);
        assertThat(provider.calls()).isEqualTo(1);
        assertThat(answer.toString()).doesNotContain("sk-test", "hello");
    }

    @Test
    void aMissIsExplainedByWhereTheNearestRequestsDiffer() {
        proxy.cached(
                CHAT,
                "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"It is 10:01.\"},"
                        + "{\"role\":\"user\",\"content\":\"hello\"}],\"temperature\":0}");
        proxy.cached(CHAT, chat("other", "something else"));

        JsonNode answer =
                explainWhenOutlined("{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"It is 10:02.\"},"
                        + "{\"role\":\"user\",\"content\":\"hello\"}],\"temperature\":0,\"seed\":1}");

        assertThat(answer.path("entry").isNull()).isTrue();
        assertThat(answer.path("why").asText()).isEqualTo("Nothing is stored under its key.");
        JsonNode nearest = answer.at("/nearest/0");
        assertThat(nearest.path("differs"))
                .extracting(JsonNode::asText)
                .containsExactly("$.messages[0].content", "$.seed");
        assertThat(nearest.path("same").asDouble()).isBetween(0.71, 0.72);
        assertThat(nearest.path("id").asText()).isEqualTo("chatcmpl-123");
        assertThat(nearest.path("stored").asBoolean()).isTrue();
        assertThat(answer.toString()).doesNotContain("10:01", "10:02", "hello");
    }

    /** Entries of other processes are found. Their requests are not known here, and the note says so. */
    @Test
    void anEntryOfAnotherProcessIsAHitAndTheNoteLimitsItselfToThisProcess() throws Exception {
        provider.does(SharedByProgramsKillIT::answer);
        ChildJvm.Result program = ChildJvm.run(ChildJvm.builder(
                CachingProgram.class, "okhttp", folder.resolve("answers.refrain"), provider.base(), "all"));
        assertThat(program.out()).as(program.err()).startsWith("hits 0");

        JsonNode stored = explain(CachingProgram.body(0));
        assertThat(stored.path("why").asText()).isEqualTo("The entry answers: a hit.");
        assertThat(stored.at("/entry/source_id").asText()).isEqualTo("chatcmpl-1");
        JsonNode other = explain(CachingProgram.body(0).replace("p-0", "p-o"));
        assertThat(other.path("why").asText()).isEqualTo("Nothing is stored under its key.");
        assertThat(other.path("nearest")).isEmpty();
        assertThat(other.path("nearest_note").asText())
                .contains("No request of this scope and endpoint that this process fetched is like it.");
    }

    @Test
    void requestsOfOtherKeysAreNeverNear() {
        proxy.cached(CHAT, chat("m", "hello"));
        assertThat(explainWhenOutlined(chat("m", "hi")).path("nearest")).hasSize(1);
        assertThat(explain(chat("m", "hi"), "authorization", "Bearer sk-other").path("nearest"))
                .isEmpty();
    }

    @Test
    void anotherOrderOfPropertiesIsExplained() {
        proxy.cached(CHAT, "{\"model\":\"m\",\"n\":1,\"messages\":[]}");
        JsonNode answer = explainWhenOutlined("{\"n\":1,\"model\":\"m\",\"messages\":[]}");
        assertThat(answer.at("/nearest/0/same").asDouble()).isEqualTo(1);
        assertThat(answer.at("/nearest/0/differs/0").asText()).isEqualTo("(order of properties, from $.n on)");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "-",
            value = {
                "[1]            | not-a-json-object",
                "{\"a\":        | not-a-json-object",
            })
    void aRequestThatIsNotEligibleIsExplained(String body, String reason) {
        JsonNode answer = explain(body);
        assertThat(answer.path("eligible").asBoolean()).isFalse();
        assertThat(answer.path("reason").asText()).isEqualTo(reason);
        assertThat(answer.path("key").isNull()).isTrue();
        assertThat(answer.path("why").asText()).isNotBlank();
    }

    @Test
    void cachingOffIsExplained() throws IOException {
        assertThat(explain(chat("m", "1"), "X-OpenRouter-Cache", "false")
                        .path("caching")
                        .asText())
                .isEqualTo("off");
        assertThat(explain(chat("m", "1"), "X-OpenRouter-Cache", "maybe")
                        .path("why")
                        .asText())
                .contains("neither");
        Files.writeString(folder.resolve("r.yaml"), "presets: [{slug: never, cache_enabled: false}]");
        restart(Map.of(), "--config", folder.resolve("r.yaml").toString());
        JsonNode answer = explain("{\"model\":\"@preset/never\"}");
        assertThat(answer.path("caching").asText()).isEqualTo("off");
        assertThat(answer.path("why").asText()).contains("preset never");
    }

    @Test
    void directivesAreExplained() {
        proxy.cached(CHAT, chat("m", "1"));
        assertThat(explain(chat("m", "1"), "Cache-Control", "no-cache")
                        .path("why")
                        .asText())
                .contains("no-cache");
        assertThat(explain(chat("m", "1"), "X-OpenRouter-Cache-Clear", "true")
                        .path("entry")
                        .isNull())
                .isTrue();
        assertThat(explain(chat("m", "1")).path("entry").isObject()).isTrue();
    }

    @Test
    void noRequestsAreKeptIfThatIsTurnedOff() throws IOException {
        restart(Map.of("REFRAIN_EXPLAIN_REQUESTS", "0"));
        proxy.cached(CHAT, chat("m", "hello"));
        JsonNode answer = explain(chat("m", "hi"));
        assertThat(answer.path("nearest").isNull()).isTrue();
        assertThat(answer.path("nearest_note").asText()).contains("explain.requests");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"path\":\"/v1/models\",\"body\":\"{}\"}",
                "{\"endpoint\":\"chat\"}",
                "{\"endpoint\":\"chat\",\"body\":\"{}\",\"headers\":{\"a b\":\"c\"}}",
                "{\"body\":\"{}\"}",
                "nonsense"
            })
    void anInvalidQuestionIsRefused(String question) {
        assertThat(ask("POST", "/admin/api/explain", question).statusCode()).isEqualTo(400);
    }

    @Test
    void aBodyMayBeJsonToo() {
        proxy.cached(CHAT, chat("m", "hello"));
        JsonNode answer = tree(ask(
                "POST",
                "/admin/api/explain",
                "{\"endpoint\":\"chat\",\"headers\":{\"Authorization\":\"Bearer "
                        + "sk-test\",\"X-OpenRouter-Cache\":\"true\"},\"body\":"
                        + chat("m", "hello") + "}"));
        assertThat(answer.path("entry").isObject()).isTrue();
    }

    @Test
    void w86_itemsThatAreStoredAreCounted() {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, Embeddings.answer(request.body())));
        proxy.cached("/v1/embeddings", "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}");
        assertThat(explainEmbeddings("a", "c")).contains("Of its 2 items 1 are stored");
        assertThat(explainEmbeddings("b", "a")).contains("All of its 2 items are stored");
        assertThat(explainEmbeddings("c", "d")).contains("Nothing is stored under its key");
    }

    private String explainEmbeddings(String one, String other) {
        ObjectNode question = JSON.createObjectNode();
        question.put("path", "/v1/embeddings");
        question.put("body", "{\"model\":\"m\",\"input\":[\"" + one + "\",\"" + other + "\"]}");
        question.putObject("headers").put("authorization", "Bearer sk-test").put("X-OpenRouter-Cache", "true");
        return tree(ask("POST", "/admin/api/explain", question.toString()))
                .path("why")
                .asText();
    }
}
