package dev.refrain.semantics.items;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.NotCachedException;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.semantics.items.EmbeddingsHarness.Client;
import dev.refrain.semantics.policy.CacheDefaults;
import dev.refrain.semantics.policy.CacheRules;
import dev.refrain.semantics.policy.Policies;
import dev.refrain.testing.MovableClock;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Wire rule W86: which items are known, calls at the same time, and ambiguous requests and answers. */
class ItemByItemTest {
    private EmbeddingsHarness harness = EmbeddingsHarness.onHeap();

    @AfterEach
    void close() {
        harness.close();
    }

    private static String request(String... items) {
        return "{\"model\":\"m\",\"input\":[\"" + String.join("\",\"", items) + "\"]}";
    }

    private Client ask(String... items) {
        return harness.ask(request(items));
    }

    // ---- known items

    @Test
    void w86_aRequestForOneItemAndManyFillTheSameEntries() {
        ask("a");
        assertThat(ask("a", "b").outcome()).isEqualTo("MISS 1/2");
        assertThat(ask("b").outcome()).isEqualTo("HIT");
        assertThat(ask("b", "a").outcome()).isEqualTo("HIT 2/2");
        assertThat(harness.calls).containsExactly(List.of("\"a\""), List.of("\"b\""));
        // By W11, a different spelling of the input is another request.
        assertThat(harness.ask("{\"model\":\"m\",\"input\":\"a\"}").outcome()).isEqualTo("MISS");
    }

    @Test
    void w86_costsAreThoseOfFetchedItemsAndSavingsThoseOfKnownOnes() {
        ask("aa", "bbbb");
        Client partial = ask("aa", "c");
        assertThat(partial.body()).contains("\"total_tokens\":3}");
        Client hit = ask("aa", "bbbb", "c");
        CacheOutcome.Items items = (CacheOutcome.Items) hit.head.cache();
        CacheOutcome.Hit answer = (CacheOutcome.Hit) items.answer();
        // The hit saves ten tokens of the first call, and three of the second.
        assertThat(answer.savings().tokens()).isEqualTo(13);
        assertThat(((CacheOutcome.Items) partial.head.cache()).savings().tokens())
                .isEqualTo(10 * 2 / 6);
    }

    @Test
    void w86_namespacesKeepItemsApart() {
        harness.ask(request("a", "b"), "X-Refrain-Namespace", "one");
        assertThat(harness.ask(request("a", "c"), "X-Refrain-Namespace", "two").outcome())
                .isEqualTo("MISS 0/2");
        assertThat(harness.ask(request("a", "c"), "X-Refrain-Namespace", "one").outcome())
                .isEqualTo("MISS 1/2");
    }

    @Test
    void w86_anItemHasTheLifetimeOfItsRequest() throws IOException {
        harness.close();
        MovableClock clock = new MovableClock();
        harness = new EmbeddingsHarness(
                ResponseCache.onHeap(64L << 20).clock(clock).open());
        harness.ask(request("a", "b"), "X-OpenRouter-Cache-TTL", "10");
        harness.ask(request("c", "d"), "X-OpenRouter-Cache-TTL", "100");
        CacheOutcome.Items all = (CacheOutcome.Items) ask("d", "b").head.cache();
        assertThat(((CacheOutcome.Hit) all.answer()).ttlSeconds()).isEqualTo(10);
        clock.advance(Duration.ofSeconds(11));
        assertThat(ask("a", "c", "d").outcome()).isEqualTo("MISS 2/3");
    }

    @Test
    void w86_clearFetchesEachItemAnew() {
        ask("a", "b");
        Client cleared = harness.ask(request("a", "c"), "X-OpenRouter-Cache-Clear", "true");
        assertThat(cleared.outcome()).isEqualTo("MISS 0/2");
        assertThat(harness.calls.get(1)).containsExactly("\"a\"", "\"c\"");
        assertThat(ask("b", "a").outcome()).isEqualTo("HIT 2/2");
    }

    @Test
    void w86_noStoreUsesKnownItemsAndStoresNone() {
        ask("a", "b");
        assertThat(harness.ask(request("a", "c"), "Cache-Control", "no-store").outcome())
                .isEqualTo("MISS 1/2");
        assertThat(ask("a", "c").outcome()).isEqualTo("MISS 1/2");
    }

    @Test
    void w86_onlyIfCachedFailsUnlessAllItemsAreKnown() {
        ask("a", "b");
        assertThat(harness.ask(request("b", "a"), "Cache-Control", "only-if-cached")
                        .outcome())
                .isEqualTo("HIT 2/2");
        Client refused = harness.ask(request("a", "c"), "Cache-Control", "only-if-cached");
        assertThat(refused.failure).isInstanceOf(NotCachedException.class);
        assertThat(harness.calls).hasSize(1);
    }

    @Test
    void w86_withTheSettingOffTheRequestIsCachedAsAWhole() {
        CacheRules off = new CacheRules(CacheDefaults.USUAL, Policies.NONE, false);
        harness.ask(off, request("a", "b"));
        assertThat(harness.ask(off, request("a", "b")).outcome()).isEqualTo("HIT");
        assertThat(harness.ask(off, request("a", "c")).outcome()).isEqualTo("MISS");
    }

    // ---- at the same time

    @Test
    void w86_anItemThatAnotherRequestFetchesIsAwaited() {
        harness.isHeld = true;
        Client first = ask("a", "b");
        Client second = ask("b", "c");
        Client third = ask("c", "a", "b");
        Client alone = ask("a");
        assertThat(harness.calls).containsExactly(List.of("\"a\"", "\"b\""), List.of("\"c\""));
        harness.waiting.removeLast().run();
        assertThat(second.head).isNull();
        harness.waiting.removeLast().run();
        assertThat(first.outcome()).isEqualTo("MISS 0/2");
        assertThat(second.outcome()).isEqualTo("MISS 1/2");
        assertThat(third.outcome()).isEqualTo("COLLAPSED 3/3");
        assertThat(alone.outcome()).isEqualTo("COLLAPSED");
        assertThat(List.of(first, second, third, alone)).allMatch(client -> client.ended);
        assertThat(harness.waiting).isEmpty();
    }

    @Test
    void w86_aRequestThatWaitsForAFailingCallMakesItsOwn() {
        harness.isHeld = true;
        harness.status = 429;
        Client first = ask("a", "b");
        Client second = ask("b", "c");
        harness.waiting.removeFirst().run();
        assertThat(first.head.status()).isEqualTo(429);
        assertThat(first.head.cache()).isInstanceOf(CacheOutcome.Items.class);
        harness.isHeld = false;
        harness.status = 200;
        while (!harness.waiting.isEmpty()) {
            harness.waiting.removeFirst().run();
        }
        assertThat(second.ended).isTrue();
        assertThat(second.body()).contains("\"index\":1");
        assertThat(ask("b", "c").outcome()).startsWith("HIT");
    }

    @Test
    void w29_itemsFetchedForAClientThatLeavesAreStored() {
        harness.isHeld = true;
        ask("a", "b").leave();
        harness.waiting.removeFirst().run();
        assertThat(ask("b", "a").outcome()).isEqualTo("HIT 2/2");
    }

    // ---- errors

    @ParameterizedTest
    @ValueSource(ints = {401, 429, 500, 503})
    void w86_errorsOfACallForSomeItemsReachTheClient(int status) {
        ask("a");
        harness.status = status;
        harness.spoiled = answer -> "{\"error\":{\"message\":\"no\"}}";
        Client refused = ask("a", "b");
        assertThat(refused.head.status()).isEqualTo(status);
        assertThat(refused.body()).isEqualTo("{\"error\":{\"message\":\"no\"}}");
        assertThat(harness.calls).hasSize(2);
        harness.status = 200;
        harness.spoiled = answer -> answer;
        assertThat(ask("a", "b").outcome()).isEqualTo("MISS 1/2");
    }

    @Test
    void w86_anErrorAboutTheRequestComesFromACallForAllItems() {
        ask("a");
        harness.status = 400;
        harness.spoiled = answer -> "{\"error\":{\"message\":\"no\"}}";
        assertThat(ask("a", "b").head.status()).isEqualTo(400);
        assertThat(harness.calls.get(2)).containsExactly("\"a\"", "\"b\"");
    }

    @Test
    void w86_aProviderThatDiesAfterItsHeadIsAnErrorAndNotATornAnswer() {
        Client torn = harness.ask(request("a", "b"), sink -> {
            sink.head(new ResponseHead(200, "application/json", null, 500, "gen-1", null, Map.of()));
            sink.fail(new IOException("reset"));
            return Upstream.Call.UNSTOPPABLE;
        });
        assertThat(torn.failure).isInstanceOf(IOException.class);
        assertThat(torn.head).isNull();
    }

    // ---- ambiguous requests and answers

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"model\":\"m\",\"input\":[\"a\",\"a\"]}",
                "{\"model\":\"m\",\"input\":[\"a\",[1]]}",
                "{\"model\":\"m\",\"input\":[\"a\",\"\"]}",
                "{\"model\":\"m\",\"input\":[[],[1]]}",
                "{\"model\":\"m\",\"input\":[1,2]}",
                "{\"model\":\"m\",\"input\":[{\"text\":\"a\"},{\"text\":\"b\"}]}",
                "{\"model\":\"m\",\"input\":[\"a\",\"b\"],\"input\":[\"c\",\"d\"]}",
                "{\"model\":\"m\",\"inpu\\u0074\":[\"a\",\"b\"],\"input\":[\"c\",\"d\"]}",
                "{\"model\":\"m\",\"encoding_format\":\"int8\",\"input\":[\"a\",\"b\"]}",
                "{\"model\":\"m\",\"late_chunking\":true,\"input\":[\"a\",\"b\"]}",
                "{\"model\":\"m\",\"input\":[\"a\",\"b\"],\"nobody_knows\":1}",
                "{\"model\":null,\"input\":[\"a\",\"b\"]}",
                "{\"input\":[\"a\",\"b\"]}"
            })
    void w86_anAmbiguousRequestIsCachedAsAWhole(String body) {
        harness.spoiled = answer -> answer;
        assertThat(harness.ask(body).outcome()).isEqualTo("MISS");
        assertThat(harness.ask(body).outcome()).isEqualTo("HIT");
        assertThat(harness.calls).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"dimensions\":2",
                "\"user\":\"u\"",
                "\"encoding_format\":\"base64\"",
                "\"input_type\":\"search_query\"",
                "\"task\":\"retrieval.query\"",
                "\"truncate\":\"END\"",
                "\"truncation\":true"
            })
    void w86_inputsAreCachedOneByOneIfAllMembersAreKnown(String member) {
        harness.ask("{\"model\":\"m\"," + member + ",\"input\":[\"a\",\"b\"]}");
        assertThat(harness.ask("{\"model\":\"m\"," + member + ",\"input\":[\"a\",\"c\"]}")
                        .outcome())
                .isEqualTo("MISS 1/2");
    }

    /** With this option, Jina embeds all inputs as one text, so each vector depends on the other inputs. */
    @Test
    void w86_anUnknownMemberMayMakeInputsDependOnEachOther() {
        harness.ask("{\"model\":\"m\",\"late_chunking\":true,\"input\":[\"a\",\"b\"]}");
        harness.ask("{\"model\":\"m\",\"late_chunking\":true,\"input\":[\"a\",\"c\"]}");
        assertThat(harness.calls).containsExactly(List.of("\"a\"", "\"b\""), List.of("\"a\"", "\"c\""));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"index\":1    | \"index\":2",
                "\"index\":0    | \"index\":1",
                "\"index\":1    | \"x\":1,\"index\":1",
                "\"index\":1,   | ''",
                "\"usage\":     | \"more\":1,\"usage\":",
                "\"model\":\"m\" | \"model\":\"m\",\"model\":\"m\"",
                "\\{\"object\":\"embedding\",\"index\":0[^}]*}, | ''"
            })
    void w86_anAmbiguousAnswerIsStoredWhole(String place, String by) {
        harness.spoiled = answer -> answer.replaceFirst(place, by);
        Client miss = ask("a", "b");
        assertThat(miss.body()).isEqualTo(harness.answer(request("a", "b")).replaceFirst(place, by));
        assertThat(ask("a", "b").outcome()).isEqualTo("HIT");
        assertThat(harness.calls).hasSize(1);
        assertThat(ask("b").outcome()).isEqualTo("MISS");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"object\":\"list\"", "[]", "", "{\"data\":[],\"error\":{}}", "{\"data\":[{]}"})
    void w86_anInvalidAnswerIsPassedOnAndNotStored(String answer) {
        harness.spoiled = of -> answer;
        assertThat(ask("a", "b").body()).isEqualTo(answer);
        assertThat(ask("a", "b").body()).isEqualTo(answer);
        assertThat(harness.calls).hasSize(2);
    }

    @Test
    void w86_afterAnAmbiguousPartAllItemsAreFetched() {
        ask("a");
        harness.spoiled = answer -> answer.replace("\"model\":\"m\"", "\"model\":\"m-2\"");
        Client all = ask("a", "b");
        assertThat(all.body()).contains("\"model\":\"m-2\"");
        assertThat(harness.calls).containsExactly(List.of("\"a\""), List.of("\"b\""), List.of("\"a\"", "\"b\""));
        assertThat(ask("a", "b").outcome()).isEqualTo("HIT");
    }
}
