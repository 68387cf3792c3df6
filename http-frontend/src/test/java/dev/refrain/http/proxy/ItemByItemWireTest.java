package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.openai.client.OpenAIClient;
import com.openai.models.embeddings.CreateEmbeddingResponse;
import com.openai.models.embeddings.EmbeddingCreateParams;
import dev.refrain.console.activity.Activity;
import dev.refrain.console.activity.Filter;
import dev.refrain.console.activity.Outcome;
import dev.refrain.testing.Embeddings;
import dev.refrain.testing.ScriptedProvider;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Wire rule W86 through the proxy; {@code FrontEndContract} tests what all front-ends share. */
class ItemByItemWireTest extends WireTest {
    private static final String EMBEDDINGS = "/v1/embeddings";

    @BeforeEach
    void embed() {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, Embeddings.answer(request.body())));
    }

    private static String request(List<String> texts) {
        return "{\"model\":\"m\",\"input\":[\"" + String.join("\",\"", texts) + "\"]}";
    }

    private HttpResponse<String> ask(String... texts) {
        return proxy.cached(EMBEDDINGS, request(List.of(texts)));
    }

    private List<Activity> log(int count) {
        proxy.activity(count);
        return proxy.activity().query(Filter.ALL, 100, null).data();
    }

    @Test
    void w61_eachRequestHasOneRecordOfItsCostAndSavings() {
        ask("a", "bb");
        ask("bb", "ccc");
        HttpResponse<String> hit = ask("a", "bb", "ccc");
        assertThat(header(hit, "X-Refrain-Saved-Tokens")).isEqualTo("6");
        List<Activity> log = log(3);
        assertThat(log).extracting(Activity::outcome).containsExactly(Outcome.HIT, Outcome.MISS, Outcome.MISS);
        assertThat(log).extracting(Activity::promptTokens).containsExactly(0L, 3L, 3L);
        assertThat(log).extracting(Activity::tokensSaved).containsExactly(6L, 2L, 0L);
        assertThat(log).extracting(Activity::reason).containsExactly("items", "partial", "items");
        assertThat(proxy.activity().stats().tokensSaved()).isEqualTo(8);
    }

    @Test
    void w85_anAnswerOfItemsHasNoEntryToTakeBack() {
        String id = header(ask("a", "bb"), GENERATION);
        log(1);
        HttpRequest.Builder delete = HttpRequest.newBuilder(proxy.uri("/v1/generation?id=" + id))
                .header("Authorization", "Bearer sk-test")
                .DELETE();
        HttpResponse<String> refused = proxy.send(delete);
        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(refused.body()).contains("X-OpenRouter-Cache-Clear");
        assertThat(header(refused, "x-should-retry")).isEqualTo("false");
        // The id of a request for a single item names an entry.
        String one = header(ask("a"), GENERATION);
        log(2);
        assertThat(proxy.send(delete.copy().uri(proxy.uri("/v1/generation?id=" + one)))
                        .statusCode())
                .isEqualTo(200);
        assertThat(header(ask("a", "bb"), "Cache-Status")).contains("partial-1/2");
    }

    @Test
    void w86_manyItemsAreGatheredOnAnotherThread() {
        List<String> texts = IntStream.range(0, 300).mapToObj(i -> "text " + i).toList();
        proxy.cached(EMBEDDINGS, request(texts.subList(0, 100)));
        HttpResponse<String> partial = proxy.cached(EMBEDDINGS, request(texts));
        assertThat(header(partial, "Cache-Status")).contains("partial-100/300");
        HttpResponse<String> hit = proxy.cached(EMBEDDINGS, request(texts));
        assertHit(hit);
        String expected = Embeddings.answer(request(texts)).replaceAll("tokens\":[0-9]+", "tokens\":0");
        assertThat(hit.body()).isEqualTo(expected);
        assertThat(partial.body().replaceAll("tokens\":[0-9]+", "tokens\":0")).isEqualTo(expected);
    }

    @Test
    void w86_longTextsAreScannedOnAnotherThread() {
        String text = "text ".repeat(50_000);
        ask(text + "a", text + "b");
        assertThat(header(ask(text + "a", text + "c"), "Cache-Status")).contains("partial-1/2");
        // A request without items is handled like all others.
        ask(text, text);
        assertHit(ask(text, text));
    }

    @Test
    void w86_theSettingTurnsItOff() throws Exception {
        restart(Map.of("REFRAIN_CACHE_ITEM_BY_ITEM", "false"));
        ask("a", "bb");
        assertThat(header(ask("a", "ccc"), "Cache-Status")).doesNotContain("partial");
        assertHit(ask("a", "bb"));
    }

    @Test
    void w86_openAisSdkGetsTheVectorsOfItsTexts() {
        OpenAIClient client = Wire.openAi()
                .baseUrl(proxy.uri("/v1").toString())
                .apiKey("sk-test")
                .putHeader("X-OpenRouter-Cache", "true")
                .build();
        try {
            for (List<String> texts : List.of(List.of("a", "bb"), List.of("ccc", "a"), List.of("bb", "ccc", "a"))) {
                CreateEmbeddingResponse answer = client.embeddings()
                        .create(EmbeddingCreateParams.builder()
                                .model("m")
                                .inputOfArrayOfStrings(texts)
                                .build());
                assertThat(answer.data()).hasSameSizeAs(texts);
                for (int i = 0; i < texts.size(); i++) {
                    String text = texts.get(i);
                    assertThat(answer.data().get(i).index()).isEqualTo(i);
                    assertThat(answer.data().get(i).embedding())
                            .containsExactly(Embeddings.first(text), (float) text.length());
                }
            }
        } finally {
            client.close();
        }
        assertThat(provider.received())
                .extracting(received -> Embeddings.texts(received.body()))
                .containsExactly(List.of("a", "bb"), List.of("ccc"));
    }
}
