package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.console.activity.Activity;
import dev.refrain.console.activity.Filter;
import dev.refrain.console.activity.Outcome;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The dialects of providers through the proxy: whether an answer is stored, and that its tokens are counted once (wire
 * rules W16, W25 and W61).
 */
class DialectsWireTest extends WireTest {
    private static final Path DIALECTS = Path.of("../engine/src/test/resources/dialects");

    /** The dialects that need code of the front-end. */
    static Stream<String> dialects() {
        return Stream.of(
                "openrouter-choice-error",
                "openrouter-cost",
                "openrouter-responses-stream",
                "llamacpp-error-field",
                "perplexity-no-done",
                "groq-x-groq",
                "copilot-usage",
                "xai-reasoning",
                "minimax-base-resp-error",
                "azure-content-filter-stream",
                "anthropic-later-delta-less",
                "embeddings-base64");
    }

    private void answers(String answer, boolean streaming, String contentType) {
        provider.does((exchange, request) -> {
            byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
            if (contentType != null) {
                exchange.getResponseHeaders().set("Content-Type", contentType);
            }
            exchange.sendResponseHeaders(200, streaming ? 0 : bytes.length);
            exchange.getResponseBody().write(bytes);
        });
    }

    private List<Activity> log(int count) {
        proxy.activity(count);
        return proxy.activity().query(Filter.ALL, 100, null).data();
    }

    @ParameterizedTest
    @MethodSource("dialects")
    void w16_aDialectIsStoredIfItIsWholeAndCountedOnce(String name) throws IOException {
        String text = Files.readString(DIALECTS.resolve(name + ".txt"));
        Map<String, String> expected = new HashMap<>();
        text.substring(0, text.indexOf("---\n"))
                .lines()
                .forEach(line ->
                        expected.put(line.substring(0, line.indexOf(": ")), line.substring(line.indexOf(": ") + 2)));
        String answer = text.substring(text.indexOf("---\n") + 4);
        boolean streaming = expected.get("streaming").equals("true");
        boolean stored = expected.get("stored").equals("true");
        answers(answer, streaming, streaming ? "text/event-stream" : "application/json");
        String path = expected.get("endpoint").equals("chat") ? CHAT : "/v1/" + expected.get("endpoint");
        String request = "{\"model\":\"m\",\"stream\":" + streaming + "}";

        assertThat(proxy.send(proxy.post(path, request)).body()).isEqualTo(answer);
        assertThat(proxy.cached(path, request).body()).isEqualTo(answer);
        assertThat(header(proxy.cached(path, request), STATUS)).isEqualTo(stored ? "HIT" : "MISS");

        List<Activity> log = log(3);
        for (Activity fetched : log.subList(1, 3)) {
            assertThat(fetched.promptTokens()).isEqualTo(count(expected, "prompt"));
            assertThat(fetched.completionTokens()).isEqualTo(count(expected, "completion"));
            assertThat(fetched.finishReason()).isEqualTo(expected.get("finish"));
            assertThat(money(fetched.cost())).isEqualTo(money(expected.get("cost")));
        }
        Activity last = log.get(0);
        assertThat(last.finishReason()).isEqualTo(expected.get("finish"));
        if (stored) {
            assertThat(last.tokensSaved()).isEqualTo(count(expected, "total"));
            assertThat(money(last.moneySaved())).isEqualTo(money(expected.get("cost")));
        }
    }

    private static long count(Map<String, String> expected, String name) {
        return Long.parseLong(expected.getOrDefault(name, "-1"));
    }

    private static BigDecimal money(Object amount) {
        return amount == null ? null : new BigDecimal(amount.toString()).setScale(9);
    }

    /**
     * F43: 13 tokens of the request, 1 of the answer, 303 in total. F44: the provider's own figure takes precedence
     * over the price.
     */
    @ParameterizedTest
    @CsvSource({"'', 0.00290325", "',\"cost\":0.5', 0.5", "',\"cost\":0', 0", "',\"cost\":-1', 0.00290325"})
    void f43_f44_aHitSavesWhatItsMissCost(String more, String cost) throws IOException {
        Path file = folder.resolve("prices.yaml");
        Files.writeString(file, "prices:\n  - model: m\n    prompt: 0.25\n    completion: 10\n");
        restart(Map.of("REFRAIN_CONFIG", file.toString()));
        answers(
                "{\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":13,\"completion_tokens\":1,"
                        + "\"total_tokens\":303,\"completion_tokens_details\":{\"reasoning_tokens\":289}" + more + "}}",
                false,
                "application/json");
        proxy.cached(CHAT, "{\"model\":\"m\"}");
        assertHit(proxy.cached(CHAT, "{\"model\":\"m\"}"));
        List<Activity> log = log(2);
        assertThat(log.get(1).cost()).isEqualByComparingTo(cost);
        assertThat(log.get(0).moneySaved()).isEqualByComparingTo(cost);
        assertThat(log.get(0).tokensSaved()).isEqualTo(303);
    }

    /** F12: an answer with a missing or wrong type is read by its content. */
    @ParameterizedTest
    @CsvSource({",false", "text/plain,false", "text/html; charset=utf-8,false", ",true", "text/plain,true"})
    void f12_anAnswerWithAWrongTypeIsReadByItsContent(String type, boolean streaming) {
        answers(streaming ? String.join("", CHAT_STREAM) : CHAT_ANSWER, streaming, type);
        String request = streaming ? CHAT_STREAM_REQUEST : CHAT_REQUEST;
        HttpResponse<String> off = proxy.send(proxy.post(CHAT, request));
        HttpResponse<String> miss = proxy.cached(CHAT, request);
        HttpResponse<String> hit = proxy.cached(CHAT, request);
        assertHit(hit);
        if (!streaming) {
            assertThat(header(off, GENERATION)).isEqualTo("chatcmpl-123");
            assertThat(header(miss, GENERATION)).isEqualTo("chatcmpl-123");
        }
        List<Activity> log = log(3);
        assertThat(log).extracting(Activity::outcome).containsExactly(Outcome.HIT, Outcome.MISS, Outcome.OFF);
        assertThat(log).extracting(Activity::finishReason).containsOnly("stop");
        assertThat(log.get(0).tokensSaved()).isEqualTo(21);
        assertThat(log.get(1).promptTokens())
                .isEqualTo(log.get(2).promptTokens())
                .isEqualTo(streaming ? -1 : 9);
        assertThat(proxy.activity().stats().tokensUsed()).isEqualTo(42);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "; stop; true",
                "; content_filter; false",
                "none; content_filter; true",
                "length, abort; length; false",
                "length, abort; abort; false",
                "length, abort; content_filter; true"
            })
    void w16_answersThatStoreNeverNamesAreNotStored(String setting, String reason, boolean stored) throws IOException {
        restart(Map.of("REFRAIN_STORE_NEVER", setting == null ? "" : setting));
        answers(CHAT_ANSWER.replace("\"stop\"", "\"" + reason + "\""), false, "application/json");
        proxy.cached(CHAT, CHAT_REQUEST);
        assertThat(header(proxy.cached(CHAT, CHAT_REQUEST), STATUS)).isEqualTo(stored ? "HIT" : "MISS");
    }

    @Test
    void w25_f47_replayZeroNamesMorePlaces() throws IOException {
        restart(Map.of("REFRAIN_REPLAY_ZERO", "cost, *.tps"));
        String answer = CHAT_ANSWER
                .replace("\"index\": 0", "\"tps\": 61.5, \"index\": 0")
                .replace("}}", "}, \"cost\": 3}");
        answers(answer, false, "application/json");
        proxy.cached(CHAT, CHAT_REQUEST);
        assertThat(proxy.cached(CHAT, CHAT_REQUEST).body()).contains("\"tps\": 0, \"index\": 0", "\"cost\": 0}");
    }
}
