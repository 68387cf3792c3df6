package dev.refrain.engine.internal.store;

import static dev.refrain.engine.internal.store.TestEntries.NEVER;
import static dev.refrain.engine.internal.store.TestEntries.entry;
import static dev.refrain.engine.internal.store.TestEntries.isGenuine;
import static dev.refrain.engine.internal.store.TestEntries.key;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.engine.spi.HeapStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.state.Action;
import net.jqwik.api.state.ActionChain;
import net.jqwik.api.state.Transformer;

/**
 * Random operations on the store and on the simple heap store, side by side. As long as nothing is evicted, both give
 * the same results. jqwik shrinks a sequence in which they differ.
 */
class StorePropertiesTest {
    private static final int KEYS = 12;
    private static final int TAGS = 3;
    private static final List<Integer> LENGTHS = List.of(80, 200, 3_000, 32_768, 32_769, 70_000);

    /** Both stores; each operation goes to both. */
    private static final class Pair implements AutoCloseable {
        private final Path directory;
        private final EntryBuffer found = new EntryBuffer(64);
        private final EntryBuffer expected = new EntryBuffer(64);
        private final CacheStore oracle = new HeapStore(1L << 30);
        private CacheStore store;
        private int generation;

        Pair() {
            try {
                directory = Files.createTempDirectory("refrain-property");
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            open();
        }

        private void open() {
            try {
                store = ChronicleStore.open(
                        directory.resolve("answers.refrain"), Layout.MIN_CAPACITY, Clock.systemUTC(), false, false);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        void reopen() {
            store.close();
            open();
        }

        void put(int number, int length, int expiresAt) {
            EntryBuffer entry = entry(number, generation++, length, 1, expiresAt);
            ByteBuffer.wrap(entry.bytes())
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(EntryHead.SCOPE, number % TAGS)
                    .putLong(EntryHead.MODEL, length % TAGS);
            oracle.put(key(number), entry);
            assertThat(store.put(key(number), entry)).isTrue();
        }

        void agree() {
            for (int number = 0; number < KEYS; number++) {
                boolean isThere = oracle.get(key(number), expected);
                assertThat(store.get(key(number), found)).as("key %s", number).isEqualTo(isThere);
                if (isThere) {
                    assertThat(found.length()).isEqualTo(expected.length());
                    assertThat(ByteBuffer.wrap(found.bytes(), 0, found.length()))
                            .isEqualTo(ByteBuffer.wrap(expected.bytes(), 0, expected.length()));
                }
            }
            assertThat(store.stats().entries()).isEqualTo(oracle.stats().entries());
            assertThat(store.stats().failures()).isZero();
        }

        @Override
        public void close() {
            store.close();
            try (var files = Files.newDirectoryStream(directory)) {
                for (Path file : files) {
                    Files.delete(file);
                }
                Files.delete(directory);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static Transformer<Pair> then(String what, java.util.function.Consumer<Pair> step) {
        return Transformer.mutate(what, pair -> {
            step.accept(pair);
            pair.agree();
        });
    }

    private static Action.Independent<Pair> any(Arbitrary<Transformer<Pair>> steps) {
        return () -> steps;
    }

    @Provide
    Arbitrary<ActionChain<Pair>> operations() {
        Arbitrary<Integer> keys = Arbitraries.integers().between(0, KEYS - 1);
        Arbitrary<Integer> times = Arbitraries.integers().between(1, 5);
        Arbitrary<Transformer<Pair>> puts = Combinators.combine(keys, Arbitraries.of(LENGTHS), times)
                .as((number, length, at) ->
                        then("put " + number + " of " + length + " until " + at, p -> p.put(number, length, at)));
        Arbitrary<Transformer<Pair>> removals = keys.map(number -> then(
                "remove " + number,
                p -> assertThat(p.store.remove(key(number))).isEqualTo(p.oracle.remove(key(number)))));
        Arbitrary<Transformer<Pair>> sweeps = times.map(
                at -> then("sweep " + at, p -> assertThat(p.store.sweep(at)).isEqualTo(p.oracle.sweep(at))));
        Arbitrary<Transformer<Pair>> slices = times.map(at -> then("sweep in slices " + at, p -> {
            long removed = 0;
            for (int slice = 0; slice < p.store.slices(); slice++) {
                removed += p.store.sweep(at, slice);
            }
            assertThat(removed).isEqualTo(p.oracle.sweep(at));
        }));
        Arbitrary<Transformer<Pair>> scopes = Arbitraries.integers()
                .between(0, TAGS - 1)
                .map(tag -> then(
                        "remove scope " + tag,
                        p -> assertThat(p.store.removeIf(head -> EntryHead.scope(head) == tag))
                                .isEqualTo(p.oracle.removeIf(head -> EntryHead.scope(head) == tag))));
        return ActionChain.<Pair>startWith(Pair::new)
                .withAction(6, any(puts))
                .withAction(2, any(removals))
                .withAction(1, any(sweeps))
                .withAction(1, any(slices))
                .withAction(1, any(scopes))
                .withAction(1, any(Arbitraries.just(then("reopen", Pair::reopen))))
                .withMaxTransformations(40);
    }

    @Property(tries = 25)
    void theStoreBehavesLikeAMap(@ForAll("operations") ActionChain<Pair> chain) {
        Pair pair = chain.run();
        pair.close();
    }

    /** With too little room, an entry may be missing, but every entry found is right. */
    @Property(tries = 5)
    void aSmallStoreEvictsAndNeverMixesUpEntries(@ForAll long seed) {
        java.util.SplittableRandom random = new java.util.SplittableRandom(seed);
        try (Pair pair = new Pair()) {
            long puts = 0;
            for (int i = 0; i < 3_000; i++) {
                int number = random.nextInt(3_000);
                int length = random.nextInt(20) == 0 ? random.nextInt(40_000, 400_000) : random.nextInt(80, 9_000);
                puts += pair.store.put(key(number), entry(number, i, length)) ? 1 : 0;
                int other = random.nextInt(3_000);
                if (pair.store.get(key(other), pair.found)) {
                    assertThat(isGenuine(other, pair.found)).isTrue();
                }
            }
            assertThat(puts + pair.store.stats().drops()).isEqualTo(3_000);
            assertThat(pair.store.stats().drops()).isLessThan(30);
            assertThat(pair.store.stats().evictions()).isPositive();
            assertThat(pair.store.stats().failures()).isZero();
        }
    }

    /**
     * The count of entries is always the number that a walk finds. Once each key was looked up, it is the number that
     * exist. A large entry that has lost a part counts until it is looked up.
     */
    @Property(tries = 4)
    void f49_entriesAreCountedRight(@ForAll long seed) {
        int keys = 2_000;
        java.util.SplittableRandom random = new java.util.SplittableRandom(seed);
        try (Pair pair = new Pair()) {
            for (int i = 1; i <= 4_000; i++) {
                int number = random.nextInt(keys);
                int length = random.nextInt(12) == 0 ? random.nextInt(33_000, 400_000) : random.nextInt(80, 12_000);
                int step = random.nextInt(1_000);
                if (step < 850) {
                    pair.store.put(
                            key(number),
                            entry(number, i, length, 1, random.nextBoolean() ? NEVER : i + random.nextInt(4_000)));
                } else if (step < 950) {
                    pair.store.remove(key(number));
                } else if (step < 990) {
                    pair.store.get(key(number), pair.found);
                } else if (step < 995) {
                    pair.store.sweep(i);
                } else if (step < 998) {
                    int tag = number % 7;
                    pair.store.removeIf(head -> EntryHead.expiresAt(head) % 7 == tag);
                } else {
                    pair.reopen();
                }
                if (i % 500 == 0) {
                    assertThat(pair.store.stats().entries())
                            .isEqualTo(pair.store.find(key -> true).size());
                }
                if (i % 2_000 == 0) {
                    long there = IntStream.range(0, keys)
                            .filter(any -> pair.store.get(key(any), pair.found))
                            .count();
                    assertThat(pair.store.stats().entries()).isEqualTo(there).isPositive();
                }
            }
            assertThat(pair.store.stats().failures()).isZero();
            pair.store.removeIf(head -> true);
            assertThat(pair.store.stats().entries()).isZero();
            assertThat(pair.store.stats().bytes()).isZero();
        }
    }
}
