package dev.refrain.semantics.items;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.HeapStore;
import dev.refrain.semantics.items.EmbeddingsHarness.Client;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Wire rule W86: the memory that a request for several items may hold, and limits of length. */
class ItemByItemBoundsTest {
    private EmbeddingsHarness harness = EmbeddingsHarness.onHeap();
    /** Calls that never end, referenced so that their memory is not collected. */
    private final List<ResponseSink> silent = new ArrayList<>();

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

    @Test
    void w29_memoryOfAClientThatLeavesWhileItWaitsIsReleased() throws IOException {
        harness.close();
        MemoryBudget memory = new MemoryBudget(1 << 20);
        harness = new EmbeddingsHarness(
                ResponseCache.onHeap(64L << 20).memory(memory).open());
        ask("known");
        harness.isHeld = true;
        Client other = ask("x");
        long others = memory.usedBytes();
        Client waits = ask("x", "known");
        Client calls = ask("x", "y", "known");
        assertThat(memory.usedBytes()).isGreaterThan(others);
        waits.leave();
        calls.leave();
        // The item of the call that was made is fetched and stored.
        harness.waiting.removeLast().run();
        assertThat(memory.usedBytes()).isEqualTo(others);
        harness.waiting.removeLast().run();
        assertThat(other.outcome()).isEqualTo("MISS");
        assertThat(memory.usedBytes()).isZero();
        assertThat(ask("x", "y", "known").outcome()).isEqualTo("HIT 3/3");
        assertThat(harness.calls).hasSize(3);
    }

    /** Fetched items are passed to their flights one by one: when the first flight has ended, the others have not. */
    @Test
    void w29_aClientMayLeaveWhileTheItemsOfItsAnswerAreHandedOut() throws IOException {
        harness.close();
        MemoryBudget memory = new MemoryBudget(1 << 20);
        harness = new EmbeddingsHarness(
                ResponseCache.onHeap(64L << 20).memory(memory).open());
        ask("known");
        harness.isHeld = true;
        Client asks = ask("known", "x", "y");
        Client follows = ask("x");
        follows.atEnd = asks::leave;
        harness.waiting.remove().run();
        assertThat(follows.outcome()).isEqualTo("COLLAPSED");
        assertThat(memory.usedBytes()).isZero();
        assertThat(ask("known", "x", "y").outcome()).isEqualTo("HIT 3/3");
        assertThat(harness.calls).hasSize(2);
    }

    /** 400 such bodies would not fit in the heap. */
    @Test
    void w86_f56_anAnnouncedLengthTakesNoMemoryBeforeItComes() {
        for (int i = 0; i < 400; i++) {
            Client waits = harness.ask(request("a" + i, "b" + i), sink -> {
                sink.head(new ResponseHead(200, "application/json", null, 16_000_000, "gen-1", null, Map.of()));
                silent.add(sink);
                return Upstream.Call.UNSTOPPABLE;
            });
            assertThat(waits.failure).isNull();
        }
    }

    /**
     * Makes the provider answer with vectors of about {@code length} bytes, and gives the cache {@code budget} bytes.
     */
    private MemoryBudget withLongVectors(int length, int budget) throws IOException {
        harness.close();
        MemoryBudget memory = new MemoryBudget(budget);
        harness = new EmbeddingsHarness(
                ResponseCache.onHeap(64L << 20).memory(memory).open());
        String more = "0,".repeat(length / 2);
        harness.spoiled = answer -> answer.replace("\"embedding\":[", "\"embedding\":[" + more);
        return memory;
    }

    @Test
    void w86_f56_storedItemsWithoutRoomAreFetchedAsAWhole() throws IOException {
        MemoryBudget memory = withLongVectors(100_000, 1 << 20);
        String[] items = {"a", "b", "c", "d", "e", "f", "g", "h"};
        for (String item : items) {
            ask(item);
            assertThat(ask(item).outcome()).isEqualTo("HIT");
        }
        Client all = ask(items);
        assertThat(all.ended).isTrue();
        assertThat(all.body()).isEqualTo(harness.spoiled.apply(harness.answer(request(items))));
        assertThat(memory.usedBytes()).isZero();
    }

    @Test
    void w86_f56_anAnswerIsPutTogetherAsTheClientTakesIt() throws IOException {
        MemoryBudget memory = withLongVectors(100_000, 8 << 20);
        ask("a", "b", "c", "d");
        String body = ask("b", "a", "c", "d").body();
        harness.isSlow = true;
        Client slow = ask("b", "a", "c", "d");
        long before = Long.MAX_VALUE;
        while (slow.drained != null) {
            assertThat(slow.ended).isFalse();
            assertThat(memory.usedBytes()).isPositive().isLessThan(before);
            before = memory.usedBytes() + 1;
            slow.drain();
        }
        assertThat(before).isLessThan(300_000);
        assertThat(slow.ended).isTrue();
        assertThat(slow.body()).isEqualTo(body);
        assertThat(memory.usedBytes()).isZero();
        Client leaves = ask("b", "a", "c", "d");
        assertThat(memory.usedBytes()).isPositive();
        leaves.leave();
        assertThat(memory.usedBytes()).isZero();
    }

    /** A client may ask for the next piece while it is given one. */
    @Test
    void w86_f56_piecesAreInOrderOnWhicheverThreadTheClientAsksForMore() throws IOException {
        MemoryBudget memory = withLongVectors(100_000, 8 << 20);
        ask("a", "b", "c", "d");
        String body = ask("b", "a", "c", "d").body();
        ExecutorService threads = Executors.newFixedThreadPool(3);
        try {
            harness.drains = threads;
            for (int i = 0; i < 100; i++) {
                Client client = ask("b", "a", "c", "d");
                until(() -> client.ended);
                assertThat(client.body()).isEqualTo(body);
                assertThat(memory.usedBytes()).isZero();
            }
        } finally {
            threads.shutdown();
        }
    }

    @Test
    void w86_heldMemoryIsReservedAndReleased() throws IOException {
        harness.close();
        MemoryBudget memory = new MemoryBudget(64 * 1024);
        harness = new EmbeddingsHarness(
                ResponseCache.onHeap(64L << 20).memory(memory).open());
        ask("a", "b");
        ask("a", "c");
        harness.ask(request("a", "d"), "Cache-Control", "only-if-cached");
        harness.status = 500;
        ask("a", "e");
        ask("f", "e");
        harness.status = 200;
        String[] items = new String[200];
        for (int i = 0; i < items.length; i++) {
            items[i] = "a text of some length that is not like any other, number " + i;
        }
        // There is too little memory to split the answer, but enough to pass it on.
        assertThat(ask(items).body()).isEqualTo(harness.answer(request(items)));
        assertThat(memory.refusals()).isPositive();
        assertThat(memory.usedBytes()).isZero();
    }

    /** Each item has its own flight, which takes far more of the heap than its text. */
    @Test
    void w86_f56_itemsWithoutRoomGoAsAWhole() throws IOException {
        harness.close();
        MemoryBudget memory = new MemoryBudget(64 * 1024);
        harness = new EmbeddingsHarness(
                ResponseCache.onHeap(64L << 20).memory(memory).open());
        harness.isHeld = true;
        Client few = harness.ask(request("a", "b", "c"));
        assertThat(memory.usedBytes()).isGreaterThanOrEqualTo(3 * ItemAnswers.ITEM_BYTES);
        harness.waiting.remove().run();
        assertThat(few.outcome()).isEqualTo("MISS 0/3");
        assertThat(memory.usedBytes()).isZero();
        harness.isHeld = false;
        String[] items = new String[20];
        for (int i = 0; i < items.length; i++) {
            items[i] = Integer.toString(i);
        }
        assertThat(ask(items).outcome()).isEqualTo("MISS");
        assertThat(memory.usedBytes()).isZero();
    }

    @Test
    void w86_aPartThatWouldBeTooLongToBeStoredIsNotCalledFor() throws IOException {
        harness.close();
        harness = new EmbeddingsHarness(
                ResponseCache.onHeap(64L << 20).maxAnswerBytes(2048).open());
        ask("a", "b");
        String[] items = new String[60];
        Arrays.setAll(items, i -> "item " + i);
        items[0] = "a";
        assertThat(ask(items).body()).isEqualTo(harness.answer(request(items)));
        assertThat(harness.calls).hasSize(2);
        assertThat(harness.calls.get(1)).hasSize(60);
    }

    @Test
    void w86_aPartThatAnnouncesTooMuchIsNotReadToItsEnd() {
        AtomicBoolean isCancelled = new AtomicBoolean();
        ask("a");
        Client all = harness.askInParts(request("a", "b"), part -> sink -> {
            sink.head(new ResponseHead(200, "application/json", null, 1L << 40, "gen-1", null, Map.of()));
            return () -> isCancelled.set(true);
        });
        assertThat(all.ended).isTrue();
        assertThat(all.body()).isEqualTo(harness.answer(request("a", "b")));
        assertThat(isCancelled).isTrue();
    }

    /** Text around the list would be stored with each item, and white space would be repeated between items. */
    @ParameterizedTest
    @ValueSource(strings = {"\"model\":\"", "\"data\":[", "},"})
    void w86_anAnswerWithMuchAroundItsItemsIsPassedOnAndStoredWhole(String before) {
        String blanks = " ".repeat(17_000);
        harness.spoiled = answer -> answer.replaceFirst(Pattern.quote(before), before + blanks);
        assertThat(ask("a", "b").body()).isEqualTo(harness.spoiled.apply(harness.answer(request("a", "b"))));
        assertThat(ask("a", "b").outcome()).isEqualTo("HIT");
        assertThat(ask("b", "a").outcome()).startsWith("MISS");
        assertThat(harness.calls).hasSize(2);
    }

    @Test
    void w86_tooManyItemsGoAsAWhole() {
        String[] items = new String[ItemRequest.MOST_ITEMS + 1];
        for (int i = 0; i < items.length; i++) {
            items[i] = Integer.toString(i);
        }
        assertThat(ask(items).outcome()).isEqualTo("MISS");
        items[0] = items[1] + "x";
        String[] fewer = Arrays.copyOf(items, ItemRequest.MOST_ITEMS);
        assertThat(ask(fewer).outcome()).isEqualTo("MISS 0/" + fewer.length);
    }

    /** An error that the cache does not attribute to its store, at each of its lookups in turn. */
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 5, 6})
    void w86_anErrorBetweenItemsLeavesNobodyWaiting(int bad) throws IOException {
        harness.close();
        MemoryBudget memory = new MemoryBudget(1 << 20);
        AtomicInteger lookups = new AtomicInteger();
        CacheStore good = new HeapStore(64L << 20);
        CacheStore faulty = (CacheStore) Proxy.newProxyInstance(
                CacheStore.class.getClassLoader(), new Class<?>[] {CacheStore.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("get") && lookups.incrementAndGet() == bad) {
                        throw new LinkageError("a fault");
                    }
                    return method.invoke(good, arguments);
                });
        harness = new EmbeddingsHarness(
                ResponseCache.onHeap(64L << 20).store(faulty).memory(memory).open());
        assertThatThrownBy(() -> ask("a", "b", "c")).isInstanceOf(LinkageError.class);
        assertThat(memory.usedBytes()).isZero();
        assertThat(ask("a", "b", "c").ended).isTrue();
        assertThat(memory.usedBytes()).isZero();
    }
}
