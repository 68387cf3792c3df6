package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Wire rules W40 and W84: members and spellings that do not make two requests different, and how explain finds them.
 */
class KeyRulesWireTest extends AdminTest {
    private static final String MESSAGES = "/v1/messages";

    private static String body(String members) {
        return "{\"model\":\"m\"," + members.replace('\'', '"')
                + "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    }

    @Test
    void w84_ignoredMembersReachTheProviderAndDoNotSplitEntries() throws IOException {
        restart(Map.of("REFRAIN_KEY_IGNORE", "prompt_cache_key, messages:metadata.user_id"));
        assertMiss(proxy.cached(CHAT, body("'prompt_cache_key':'a',")));
        for (int i = 0; i < 3; i++) {
            assertHit(proxy.cached(CHAT, body("'prompt_cache_key':'b" + i + "',")));
            assertHit(proxy.cached(CHAT, body("")));
        }
        assertMiss(proxy.cached(CHAT, body("'metadata':{'user_id':'a'},")));
        assertMiss(proxy.cached(CHAT, body("'metadata':{'user_id':'b'},")));
        assertThat(provider.received().get(0).body()).contains("\"prompt_cache_key\":\"a\"");

        provider.does((exchange, request) -> ScriptedProvider.json(
                exchange,
                200,
                "{\"id\":\"msg_1\",\"type\":\"message\",\"content\":[],\"stop_reason\":\"end_turn\",\"usage\":{}}"));
        assertMiss(proxy.cached(MESSAGES, body("'metadata':{'user_id':'a'},")));
        assertHit(proxy.cached(MESSAGES, body("'metadata':{'user_id':'b'},")));
        assertMiss(proxy.cached(MESSAGES, body("'metadata':{'user_id':'b','k':1},")));
    }

    /** Members that Claude Code and Codex send with a new value in each session. */
    @Test
    void w84_theKeyCanLeaveOutTheSessionOfACodingAgent() throws IOException {
        restart(Map.of("REFRAIN_KEY_IGNORE", "messages:metadata.user_id, responses:prompt_cache_key"));
        provider.does((exchange, request) -> ScriptedProvider.json(
                exchange,
                200,
                "{\"id\":\"r\",\"status\":\"completed\",\"type\":\"message\","
                        + "\"stop_reason\":\"end_turn\",\"usage\":{}}"));
        String claude = "{\"model\":\"claude\",\"max_tokens\":32000,\"messages\":[{\"role\":\"user\","
                + "\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}],\"system\":[{\"type\":\"text\","
                + "\"text\":\"You are\"}],\"tools\":[],"
                + "\"metadata\":{\"user_id\":\"user_0_account__session_%s\"},\"stream\":false}";
        assertMiss(proxy.cached(MESSAGES, claude.formatted("1b9d6bcd")));
        assertHit(proxy.cached(MESSAGES, claude.formatted("6ec0bd7f")));
        String codex = "{\"model\":\"gpt\",\"instructions\":\"You are\",\"input\":[{\"type\":\"message\","
                + "\"role\":\"user\","
                + "\"content\":[{\"type\":\"input_text\",\"text\":\"hi\"}]}],\"tools\":[],\"store\":false,"
                + "\"prompt_cache_key\":\"%s\"}";
        assertMiss(proxy.cached("/v1/responses", codex.formatted("0199a213")));
        assertHit(proxy.cached("/v1/responses", codex.formatted("0199a214")));
    }

    @Test
    void w40_canonicalKeysIgnoreOrderAndSpelling() throws IOException {
        restart(Map.of("REFRAIN_KEY_NORMALIZATION", "canonical"));
        assertMiss(proxy.cached(CHAT, "{\"model\":\"m\",\"temperature\":1,\"messages\":[]}"));
        assertHit(proxy.cached(CHAT, "{\"messages\":[],\"temperature\":1.0,\"model\":\"\\u006d\"}"));
        restart(Map.of());
        assertMiss(proxy.cached(CHAT, "{\"model\":\"m\",\"temperature\":1,\"messages\":[]}"));
        assertMiss(proxy.cached(CHAT, "{\"messages\":[],\"temperature\":1.0,\"model\":\"\\u006d\"}"));
    }

    @Test
    void w40_hitsMayKeepTheProvidersIds() throws IOException {
        restart(Map.of("REFRAIN_HIT_IDS", "original"));
        provider.does((exchange, request) -> {
            if (request.body().contains("\"stream\":true")) {
                ScriptedProvider.stream(exchange, CHAT_STREAM);
            } else {
                ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
            }
        });
        proxy.cached(CHAT, CHAT_REQUEST);
        proxy.cached(CHAT, CHAT_STREAM_REQUEST);
        String last = "";
        for (int i = 0; i < 3; i++) {
            var hit = proxy.cached(CHAT, CHAT_REQUEST);
            assertHit(hit);
            assertThat(hit.body())
                    .contains("\"id\": \"chatcmpl-123\"", "\"total_tokens\": 0")
                    .doesNotContain("1700000000");
            assertThat(header(hit, GENERATION)).startsWith("gen-").isNotEqualTo(last);
            last = header(hit, GENERATION);
            assertThat(proxy.cached(CHAT, CHAT_STREAM_REQUEST).body().split("\"chatcmpl-9\"", -1))
                    .hasSize(4);
        }
    }

    // ---- explain

    private JsonNode explain(String body) {
        ObjectNode question = JSON.createObjectNode();
        question.put("path", CHAT);
        question.put("body", body);
        question.putObject("headers").put("authorization", "Bearer sk-test").put("X-OpenRouter-Cache", "true");
        long deadline = System.nanoTime() + 20_000_000_000L;
        JsonNode answer;
        do {
            // Outlines are made in the background.
            answer = tree(ask("POST", "/admin/api/explain", question.toString()));
        } while (answer.path("nearest").isEmpty() && System.nanoTime() < deadline);
        return answer;
    }

    /**
     * Columns: the stored request, the request that is asked, and the rule under which the first one's answer would be
     * a hit for the second.
     */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'user':'a', | 'user':'b', | ignore: chat:user",
                "'user':'a', |  | ignore: chat:user",
                " | 'user':'a', | ignore: chat:user",
                "'user':'a','seed':1, | 'user':'b','seed':2, | ignore: chat:seed, chat:user",
                "'metadata':{'id':'a','k':1}, | 'metadata':{'id':'b','k':1}, | ignore: chat:metadata.id",
                "'metadata':{'id':'a'}, |  | ignore: chat:metadata",
                "'metadata':{'id':'a','k':1}, | 'metadata':{'k':1}, | ignore: chat:metadata.id",
                "'stop':['a','b'], | 'stop':['a','c'], | ignore: chat:stop",
                "'a':1,'b':2, | 'b':2,'a':1, | normalization: canonical",
            })
    void w84_explainNamesTheRuleThatWouldHaveMadeItAHit(String stored, String asked, String rule) throws IOException {
        String first = body(stored == null ? "" : stored);
        String second = body(asked == null ? "" : asked);
        proxy.cached(CHAT, first);
        JsonNode explained = explain(second);
        String yaml = explained.path("rule").asText();
        assertThat(yaml).isEqualTo("key:\n  " + rule + "\n");
        // The suggested rule works as it is printed.
        restart(
                Map.of(),
                "--config",
                Files.writeString(folder.resolve("rule.yaml"), yaml).toString());
        proxy.cached(CHAT, first);
        assertHit(proxy.cached(CHAT, second));
    }

    @Test
    void w84_aSuggestedRuleKeepsTheExistingOnes() throws IOException {
        restart(Map.of("REFRAIN_KEY_IGNORE", "store, messages:metadata.user_id"));
        proxy.cached(CHAT, body("'user':'a',"));
        assertThat(explain(body("'user':'b','store':true,")).path("rule").asText())
                .isEqualTo("key:\n  ignore: store, messages:metadata.user_id, chat:user\n");
    }

    @Test
    void w84_noRuleIsSuggestedIfTheContentDiffers() {
        proxy.cached(CHAT, body("'user':'a',"));
        JsonNode explained = explain(body("'user':'b',").replace("hi", "ho"));
        assertThat(explained.at("/nearest/0/differs").size()).isEqualTo(2);
        assertThat(explained.path("rule").isNull()).isTrue();
    }
}
