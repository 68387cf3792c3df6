package dev.refrain.semantics.items;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** Wire rule W86: any sequence of requests gets the answers of a provider that is asked for all items each time. */
class ItemByItemPropertiesTest {
    private static EmbeddingsHarness harness;
    private static int tries;

    @BeforeContainer
    static void open() {
        harness = EmbeddingsHarness.onHeap();
    }

    @AfterContainer
    static void close() {
        harness.close();
    }

    /** @param settings the members beside the input, as JSON */
    record Request(Set<String> items, String settings, boolean isFirst) {
        String body() {
            String input = "\"input\" : [ " + String.join(" , ", items) + " ]";
            return isFirst ? "{" + input + "," + settings + "}" : "{" + settings + "," + input + "}";
        }

        String key(String item) {
            return item.replace(" ", "") + settings + isFirst;
        }
    }

    @Provide
    Arbitrary<List<Request>> requests() {
        Arbitrary<Set<String>> texts = Arbitraries.of(
                        "\"a\"", "\"b\"", "\"],\"", "\"\\\"\"", "\"\\\\\"", "\"{\"", "\"ä\\n\"", "\"\ud83d\ude00\"")
                .set()
                .ofMinSize(1)
                .ofMaxSize(8);
        Arbitrary<Set<String>> tokens = Arbitraries.of("[1]", "[1,2]", "[12]", "[2,1]", "[ 3 , 4 ]")
                .set()
                .ofMinSize(1)
                .ofMaxSize(5);
        Arbitrary<String> settings = Arbitraries.of(
                "\"model\":\"m\"",
                "\"model\":\"m\",\"encoding_format\":\"base64\"",
                "\"model\":\"m\",\"dimensions\":3",
                "\"model\":\"n\"");
        return Combinators.combine(Arbitraries.oneOf(texts, tokens), settings, Arbitraries.of(true, false))
                .as((items, beside, first) -> new Request(new LinkedHashSet<>(items), beside, first))
                .list()
                .ofMinSize(1)
                .ofMaxSize(8);
    }

    @Property(tries = 60)
    void w86_eachAnswerIsThatOfTheProviderAndNoItemIsFetchedTwice(
            @ForAll("requests") List<Request> requests,
            @ForAll boolean isPretty,
            @ForAll boolean hasId,
            @ForAll boolean inPieces) {
        // One cache for all tries, because opening one takes longer than everything else.
        String namespace = "try-" + ++tries;
        harness.calls.clear();
        harness.isPretty = isPretty;
        harness.hasId = hasId;
        harness.piece = inPieces ? 7 : Integer.MAX_VALUE;
        Set<String> known = new HashSet<>();
        for (Request request : requests) {
            List<String> missing = request.items().stream()
                    .filter(item -> !known.contains(request.key(item)))
                    .toList();
            int before = harness.calls.size();
            EmbeddingsHarness.Client client = harness.ask(request.body(), "X-Refrain-Namespace", namespace);

            assertThat(client.ended).isTrue();
            assertThat(without(client.body())).isEqualTo(without(harness.answer(request.body())));
            int calls = harness.calls.size() - before;
            assertThat(calls).isEqualTo(missing.isEmpty() ? 0 : 1);
            if (!missing.isEmpty()) {
                assertThat(harness.calls.get(before))
                        .containsExactlyElementsOf(missing.stream()
                                .map(item -> item.replace(" ", ""))
                                .toList());
            }
            request.items().forEach(item -> known.add(request.key(item)));
            int size = request.items().size();
            int found = size - missing.size();
            String name = missing.isEmpty() ? "HIT" : "MISS";
            assertThat(client.outcome()).isEqualTo(size == 1 ? name : name + " " + found + "/" + size);
            if (client.head.contentLength() >= 0) {
                assertThat(client.head.contentLength())
                        .isEqualTo(client.body().getBytes(StandardCharsets.UTF_8).length);
            }
            if (missing.isEmpty()) {
                assertThat(client.body()).contains("\"total_tokens\":0");
                if (hasId) {
                    assertThat(client.body()).contains("\"id\":\"" + client.head.generationId() + "\"");
                }
            }
        }
    }

    /** On any input, nothing is thrown, and if the answer was JSON, the part that is taken from it is JSON. */
    @Property(tries = 300)
    void w86_damagedRequestsAndAnswersDoNoHarm(
            @ForAll("requests") List<Request> requests, @ForAll @IntRange(max = 400) int at, @ForAll char by) {
        String body = requests.get(0).body();
        ItemRequest.of(broken(body, at, by), Long.MAX_VALUE);
        byte[] answer = broken(harness.answer(body), at, by);
        int count = requests.get(0).items().size();
        ItemAnswer parts = ItemAnswer.of(answer, answer.length, count);
        if (parts != null && isJson(answer)) {
            assertThat(parts.isWellFormed()).isTrue();
            for (int i = 0; i < count; i++) {
                byte[] alone = parts.alone(i, i, 1, count);
                assertThat(isJson(alone)).isTrue();
                assertThat(ItemAnswer.of(alone, alone.length, 1)).isNotNull();
            }
        }
    }

    private static byte[] broken(String text, int at, char by) {
        int place = at % text.length();
        // Half of the replacements are JSON punctuation.
        char mark = by % 2 == 0 ? by : "{}[]\",:\\0".charAt(by % 9);
        return (text.substring(0, place) + mark + text.substring(place + 1)).getBytes(StandardCharsets.UTF_8);
    }

    private static boolean isJson(byte[] bytes) {
        try (JsonParser parser = new JsonFactory().createParser(bytes)) {
            int values = 0;
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                parser.finishToken();
                values += parser.getParsingContext().inRoot() && !token.isStructStart() ? 1 : 0;
            }
            return values == 1;
        } catch (IOException malformed) {
            return false;
        }
    }

    /** The answer without the parts that differ each time: id and usage. */
    private static String without(String answer) {
        return answer.replaceAll("\"id\":\"[^\"]*\",", "").replaceAll("\"usage\":\\{[^}]*}", "");
    }
}
