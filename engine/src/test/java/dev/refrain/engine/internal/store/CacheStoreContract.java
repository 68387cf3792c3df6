package dev.refrain.engine.internal.store;

import static dev.refrain.engine.internal.store.TestEntries.NEVER;
import static dev.refrain.engine.internal.store.TestEntries.entry;
import static dev.refrain.engine.internal.store.TestEntries.isGenuine;
import static dev.refrain.engine.internal.store.TestEntries.key;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The contract of {@link CacheStore}. Every store must pass it, also a store written elsewhere, so this class is in the
 * test-jar of this module. Long, since it covers the whole contract.
 */
public abstract class CacheStoreContract {
    private static final long NOW = 10_000;

    private final EntryBuffer found = new EntryBuffer(16);
    protected CacheStore store;

    /** An empty store with room for at least 48 MiB. */
    protected abstract CacheStore open() throws IOException;

    @BeforeEach
    void openStore() throws IOException {
        store = open();
    }

    @AfterEach
    void closeStore() {
        store.close();
    }

    @Test
    void unknownKeyIsAbsent() {
        assertThat(store.get(key(1), found)).isFalse();
        assertThat(store.remove(key(1))).isFalse();
    }

    /**
     * Lengths around the boundaries of chunks and parts, and a little more than the engine's default limit of answers.
     */
    @ParameterizedTest
    @ValueSource(ints = {80, 93, 94, 200, 2_600, 32_767, 32_768, 32_769, 65_440, 65_441, 1 << 20, (16 << 20) + 4_096})
    void returnsTheEntryThatWasPut(int length) {
        assertThat(store.put(key(1), entry(1, 0, length))).isTrue();
        assertThat(store.get(key(1), found)).isTrue();
        assertThat(found.length()).isEqualTo(length);
        assertThat(isGenuine(1, found)).isTrue();
        assertThat(store.get(key(2), found)).isFalse();
    }

    /** A store that cannot read heads without entries returns false each time. */
    @ParameterizedTest
    @ValueSource(ints = {64, 80, 200, 2_600, 32_768, 32_769, 1 << 20})
    void returnsTheHeadOfTheLatestEntry(int length) {
        byte[] head = new byte[EntryHead.LENGTH];
        assertThat(store.head(key(1), head)).isFalse();
        for (int generation = 0; generation < 3; generation++) {
            EntryBuffer entry = entry(1, 0, Math.max(length, 80), 1_000 + generation, NEVER);
            store.put(key(1), entry);
            if (store.head(key(1), head)) {
                assertThat(head).startsWith(java.util.Arrays.copyOf(entry.bytes(), 4));
                assertThat(EntryHead.storedAt(head)).isEqualTo(1_000 + generation);
                assertThat(java.util.Arrays.copyOfRange(head, 36, 64))
                        .isEqualTo(java.util.Arrays.copyOfRange(entry.bytes(), 36, 64));
            }
        }
        assertThat(store.head(key(2), head)).isFalse();
        store.remove(key(1));
        assertThat(store.head(key(1), head)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(ints = {200, 100_000})
    void anEntryStaysUnlessItIsToBeReplaced(int length) {
        assertThat(store.putIf(key(1), entry(1, 0, length, 1_000, NEVER), any -> false))
                .as("no entry is there to be kept")
                .isTrue();
        assertThat(store.putIf(key(1), entry(1, 1, length, 2_000, NEVER), there -> EntryHead.storedAt(there) < 1_000))
                .isFalse();
        assertThat(store.get(key(1), found)).isTrue();
        assertThat(EntryHead.storedAt(found.bytes())).isEqualTo(1_000);
        assertThat(isGenuine(1, found)).isTrue();
        assertThat(store.stats().drops()).isZero();
        assertThat(store.putIf(key(1), entry(1, 2, length, 3_000, NEVER), there -> EntryHead.storedAt(there) == 1_000))
                .isTrue();
        assertThat(store.get(key(1), found)).isTrue();
        assertThat(EntryHead.storedAt(found.bytes())).isEqualTo(3_000);
        assertThat(isGenuine(1, found)).isTrue();
        assertThat(store.stats().entries()).isEqualTo(1);
        store.remove(key(1));
        assertThat(store.stats().bytes()).as("no part is left").isZero();
    }

    /** If several threads put one key at the same time, the entry with the latest time stays. */
    @Test
    void anOlderEntryDoesNotReplaceANewerOneThatCameMeanwhile() throws Exception {
        AtomicLong times = new AtomicLong();
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<?>> writers = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                writers.add(threads.submit(() -> {
                    EntryBuffer mine = new EntryBuffer(16);
                    for (int round = 0; round < 2_000; round++) {
                        long time = times.incrementAndGet();
                        store.putIf(key(1), entry(1, time, 80, time, NEVER), there -> EntryHead.storedAt(there) < time);
                        assertThat(store.get(key(1), mine)).isTrue();
                        assertThat(EntryHead.storedAt(mine.bytes())).isGreaterThanOrEqualTo(time);
                    }
                }));
            }
            for (Future<?> writer : writers) {
                writer.get(60, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void anEntryMayBeNoMoreThanItsHead() {
        EntryBuffer head = new EntryBuffer(EntryHead.LENGTH);
        head.resize(EntryHead.LENGTH)[EntryHead.LENGTH - 1] = 42;
        assertThat(store.put(key(1), head)).isTrue();
        assertThat(store.get(key(1), found)).isTrue();
        assertThat(found.length()).isEqualTo(EntryHead.LENGTH);
        assertThat(found.bytes()).startsWith(head.bytes());
    }

    @Test
    void anEntryWithoutAHeadIsTheCallersMistake() {
        EntryBuffer none = new EntryBuffer(EntryHead.LENGTH);
        none.resize(EntryHead.LENGTH - 1);
        assertThatThrownBy(() -> store.put(key(1), none)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void noByteOfAnEntryIsSpecial() {
        for (int length : new int[] {200, 100_000}) {
            for (int i = 0; i < 256; i += i == 2 ? 250 : 1) {
                EntryBuffer entry = entry(i, 0, length);
                entry.bytes()[4] = (byte) i;
                assertThat(store.put(key(i), entry)).isTrue();
                assertThat(store.get(key(i), found)).isTrue();
                assertThat(found.length()).isEqualTo(length);
                assertThat(found.bytes()).startsWith(entry.bytes());
            }
        }
    }

    @Test
    void keysAreFoundAndLookedAt() {
        for (int i = 0; i < 20; i++) {
            assertThat(store.put(key(i), entry(i, 0, i == 7 ? 100_000 : 200))).isTrue();
        }
        byte[] seven = new byte[CacheStore.KEY_LENGTH];
        System.arraycopy(key(7), 0, seven, 0, seven.length);

        assertThat(store.find(bytes -> Arrays.equals(bytes, seven))).containsExactly(seven);
        assertThat(store.find(bytes -> true)).hasSize(20).doesNotHaveDuplicates();
        assertThat(store.find(bytes -> false)).isEmpty();
        assertThat(store.peek(key(7), found)).isTrue();
        assertThat(isGenuine(7, found)).isTrue();
        assertThat(store.peek(key(20), found)).isFalse();
        store.close();
        assertThat(store.find(bytes -> true)).isEmpty();
        assertThat(store.peek(key(7), found)).isFalse();
    }

    @Test
    void entriesAreShown() {
        Map<String, Integer> lengths = new HashMap<>();
        for (int i = 0; i < 20; i++) {
            int length = i == 7 ? 100_000 : 200 + i;
            assertThat(store.put(key(i), entry(i, 0, length))).isTrue();
            lengths.put(HexFormat.of().formatHex(key(i)), length);
        }
        EntryBuffer note = entry(30, 0, 200);
        note.bytes()[EntryHead.KIND] = EntryHead.NOTE;
        assertThat(store.put(key(30), note)).isTrue();

        Map<String, Integer> shown = new HashMap<>();
        assertThat(store.visit((key, head, length) -> {
                    shown.put(HexFormat.of().formatHex(key), length);
                    return EntryHead.scope(head) >= 0;
                }))
                .isTrue();
        assertThat(shown).isEqualTo(lengths);
        int[] calls = new int[1];
        assertThat(store.visit((key, head, length) -> ++calls[0] < 5)).isFalse();
        assertThat(calls[0]).isEqualTo(5);
        store.close();
        calls[0] = 0;
        store.visit((key, head, length) -> ++calls[0] > 0);
        assertThat(calls[0]).isZero();
    }

    @Test
    void onlyTheBuffersValidBytesAreStored() {
        EntryBuffer entry = entry(1, 0, 200);
        EntryBuffer roomy = new EntryBuffer(10_000);
        System.arraycopy(entry.bytes(), 0, roomy.resize(200), 0, 200);
        assertThat(store.put(key(1), roomy)).isTrue();
        assertThat(store.get(key(1), found)).isTrue();
        assertThat(found.length()).isEqualTo(200);
    }

    @ParameterizedTest
    @ValueSource(ints = {200, 2_600, 100_000, 1 << 20})
    void aNewerEntryReplacesTheOlderOne(int length) {
        for (int older : new int[] {200, 5_000, 300_000}) {
            assertThat(store.put(key(1), entry(1, 1, older))).isTrue();
            assertThat(store.put(key(1), entry(1, 2, length))).isTrue();
            assertThat(store.get(key(1), found)).isTrue();
            assertThat(found.length()).isEqualTo(length);
            assertThat(isGenuine(1, found)).isTrue();
            assertThat(TestEntries.generation(found)).isEqualTo(2);
            assertThat(store.stats().entries()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {200, 500_000})
    void aRemovedEntryIsGone(int length) {
        store.put(key(1), entry(1, 0, length));
        store.put(key(2), entry(2, 0, length));
        assertThat(store.remove(key(1))).isTrue();
        assertThat(store.get(key(1), found)).isFalse();
        assertThat(store.get(key(2), found)).isTrue();
        assertThat(store.remove(key(1))).isFalse();
        assertThat(store.stats().entries()).isEqualTo(1);
        store.remove(key(2));
        assertThat(store.stats().bytes()).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {200, 500_000})
    void sweepRemovesExactlyTheExpiredEntries(int length) {
        store.put(key(1), entry(1, 0, length, 0, NOW - 1));
        store.put(key(2), entry(2, 0, length, 0, NOW));
        store.put(key(3), entry(3, 0, length, 0, NOW + 1));
        store.put(key(4), entry(4, 0, length, 0, NEVER));
        assertThat(store.get(key(1), found)).as("expired, but not swept").isTrue();

        assertThat(store.sweep(NOW)).isEqualTo(2);

        assertThat(store.get(key(1), found)).isFalse();
        assertThat(store.get(key(2), found)).isFalse();
        assertThat(store.get(key(3), found)).isTrue();
        assertThat(store.get(key(4), found)).isTrue();
        assertThat(store.stats().entries()).isEqualTo(2);
        assertThat(store.stats().expirations()).isEqualTo(2);
        assertThat(store.sweep(NOW)).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {200, 500_000})
    void slicesTogetherAreASweep(int length) {
        for (int i = 0; i < 20; i++) {
            store.put(key(i), entry(i, 0, length, 0, i % 2 == 0 ? NOW : NOW + 1));
        }
        long removed = 0;
        for (int slice = 0; slice < store.slices(); slice++) {
            removed += store.sweep(NOW, slice);
        }
        assertThat(removed).isEqualTo(10);
        for (int i = 0; i < 20; i++) {
            assertThat(store.get(key(i), found)).as("key %s", i).isEqualTo(i % 2 == 1);
        }
        assertThat(store.stats().entries()).isEqualTo(10);
        assertThat(store.stats().expirations()).isEqualTo(10);
    }

    @ParameterizedTest
    @ValueSource(ints = {200, 500_000})
    void removesEntriesByTag(int length) {
        for (int i = 0; i < 30; i++) {
            store.put(key(i), tagged(entry(i, 0, length), i % 3, i % 5));
        }
        assertThat(store.removeIf(head -> EntryHead.scope(head) == 1)).isEqualTo(10);
        assertThat(store.removeIf(head -> EntryHead.scope(head) == 1)).isZero();
        assertThat(store.removeIf(head -> EntryHead.model(head) == 2)).isEqualTo(4);
        for (int i = 0; i < 30; i++) {
            assertThat(store.get(key(i), found)).as("key %s", i).isEqualTo(i % 3 != 1 && i % 5 != 2);
        }
        assertThat(store.removeIf(head -> true)).isEqualTo(16);
        assertThat(store.stats().entries()).isZero();
        assertThat(store.stats().bytes()).isZero();
    }

    private static EntryBuffer tagged(EntryBuffer entry, long scope, long model) {
        java.nio.ByteBuffer.wrap(entry.bytes())
                .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                .putLong(EntryHead.SCOPE, scope)
                .putLong(EntryHead.MODEL, model);
        return entry;
    }

    @Test
    void statsTellEntriesAndBytes() {
        long empty = store.stats().bytes();
        for (int i = 0; i < 100; i++) {
            store.put(key(i), entry(i, 0, 1_000));
        }
        store.put(key(100), entry(100, 0, 1_000_000));
        assertThat(store.stats().entries()).isEqualTo(101);
        assertThat(store.stats().bytes() - empty).isBetween(1_100_000L, 1_250_000L);
        assertThat(store.stats().capacityBytes()).isPositive();
        assertThat(store.stats().drops()).isZero();
        assertThat(store.stats().failures()).isZero();
    }

    @Test
    void theSecretIsRandomAndACopy() throws IOException {
        byte[] secret = store.secret();
        assertThat(secret).hasSize(32).isNotEqualTo(new byte[32]);
        secret[0]++;
        assertThat(store.secret()).isNotEqualTo(secret);
    }

    @Test
    void aClosedStoreIsEmptyAndTakesNothing() {
        store.put(key(1), entry(1, 0, 200));
        store.close();
        store.close();
        assertThat(store.get(key(1), found)).isFalse();
        assertThat(store.put(key(1), entry(1, 0, 200))).isFalse();
        assertThat(store.remove(key(1))).isFalse();
        assertThat(store.sweep(Long.MAX_VALUE)).isZero();
        assertThat(store.sweep(Long.MAX_VALUE, 0)).isZero();
        assertThat(store.removeIf(head -> true)).isZero();
        assertThat(store.stats().entries()).isZero();
        assertThat(store.secret()).hasSize(32);
    }

    @Test
    void concurrentReadersSeeWholeEntriesOnly() throws Exception {
        int keys = 8;
        AtomicBoolean done = new AtomicBoolean();
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            List<Future<Long>> readers = new ArrayList<>();
            for (int r = 0; r < 2; r++) {
                readers.add(threads.submit(() -> {
                    EntryBuffer buffer = new EntryBuffer(16);
                    long hits = 0;
                    while (!done.get()) {
                        for (int k = 0; k < keys; k++) {
                            if (store.get(key(k), buffer)) {
                                assertThat(isGenuine(k, buffer)).isTrue();
                                hits++;
                            }
                        }
                    }
                    return hits;
                }));
            }
            for (int generation = 0; generation < 50; generation++) {
                for (int k = 0; k < keys; k++) {
                    int length = new int[] {200, 3_000, 40_000, 150_000}[(k + generation) % 4];
                    assertThat(store.put(key(k), entry(k, generation, length))).isTrue();
                }
            }
            done.set(true);
            for (Future<Long> reader : readers) {
                assertThat(reader.get()).isPositive();
            }
        } finally {
            done.set(true);
            threads.shutdown();
            assertThat(threads.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(store.stats().failures()).isZero();
    }

    @Test
    void closingDuringOperationsIsHarmless() throws Exception {
        int workers = 3;
        CountDownLatch busy = new CountDownLatch(workers);
        AtomicBoolean done = new AtomicBoolean();
        ExecutorService threads = Executors.newCachedThreadPool();
        List<Future<?>> work = new ArrayList<>();
        for (int w = 0; w < workers; w++) {
            int worker = w;
            work.add(threads.submit(() -> {
                EntryBuffer buffer = new EntryBuffer(16);
                for (int i = 0; !done.get(); i++) {
                    store.put(key(i % 100), entry(i % 100, worker, 100 + i % 60_000));
                    store.get(key(i % 37), buffer);
                    if (i % 50 == 0) {
                        store.sweep(0);
                        store.stats();
                    }
                    if (i == 100) {
                        busy.countDown();
                    }
                }
            }));
        }
        busy.await();
        store.close();
        assertThat(store.get(key(1), found)).isFalse();
        done.set(true);
        for (Future<?> one : work) {
            one.get();
        }
        threads.shutdown();
        assertThat(store.stats().failures()).isZero();
    }
}
