package dev.refrain.engine.internal.store;

import static dev.refrain.engine.internal.store.TestEntries.NEVER;
import static dev.refrain.engine.internal.store.TestEntries.entry;
import static dev.refrain.engine.internal.store.TestEntries.key;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HeadsTest {
    private static final int KEYS = 4_000;
    private static final int ROUNDS = 60_000;

    @TempDir
    Path directory;

    @Test
    void findsEveryKeyOfAQuietStore() throws Exception {
        try (ChronicleStore store = ChronicleStore.open(directory.resolve("answers"), 16 << 20, Clock.systemUTC())) {
            byte[] head = new byte[EntryHead.LENGTH];
            for (int i = 0; i < KEYS; i++) {
                store.put(key(i), entry(i, 0, 200 + i % 2_000, i, NEVER));
            }
            for (int i = 0; i < KEYS; i++) {
                assertThat(store.head(key(i), head)).isTrue();
                assertThat(EntryHead.storedAt(head)).isEqualTo(i);
                assertThat(store.head(key(KEYS + i), head)).isFalse();
            }
        }
    }

    /**
     * The entries of a key have ascending numbers, and between two of them the key may have no entry. No reader may see
     * an entry that was removed before its lookup began.
     */
    @Test
    void noHeadOutlivesItsEntry() throws Exception {
        byte[][] keys = IntStream.range(0, KEYS).mapToObj(TestEntries::key).toArray(byte[][]::new);
        AtomicLongArray begun = new AtomicLongArray(KEYS);
        AtomicLongArray done = new AtomicLongArray(KEYS);
        ExecutorService threads = Executors.newFixedThreadPool(3);
        try (ChronicleStore store = ChronicleStore.open(directory.resolve("answers"), 16 << 20, Clock.systemUTC())) {
            Callable<Integer> writer = () -> {
                SplittableRandom random = new SplittableRandom(1);
                EntryBuffer entry = entry(0, 0, 2_000);
                for (int i = 0; i < ROUNDS; i++) {
                    int k = 1 + random.nextInt(KEYS - 1);
                    long generation = begun.incrementAndGet(k);
                    if (generation % 2 == 1) {
                        entry.resize(150 + random.nextInt(1_800));
                        ByteBuffer.wrap(entry.bytes())
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .putLong(EntryHead.STORED_AT, generation);
                        store.put(keys[k], entry);
                    } else {
                        store.remove(keys[k]);
                    }
                    done.set(k, generation);
                }
                return 1;
            };
            Callable<Integer> reader = () -> {
                SplittableRandom random = new SplittableRandom(2);
                byte[] head = new byte[EntryHead.LENGTH];
                int seen = 0;
                while (done.get(0) >= 0) {
                    int k = 1 + random.nextInt(KEYS - 1);
                    long before = done.get(k);
                    if (store.head(keys[k], head)) {
                        seen++;
                        long after = begun.get(k);
                        if (EntryHead.storedAt(head) < before || EntryHead.storedAt(head) > after) {
                            throw new AssertionError(
                                    "saw " + EntryHead.storedAt(head) + " of " + before + ".." + after);
                        }
                    }
                }
                return seen;
            };
            List<Future<Integer>> readers = List.of(threads.submit(reader), threads.submit(reader));
            threads.submit(writer).get();
            done.set(0, -1);
            assertThat(readers.get(0).get() + readers.get(1).get()).isPositive();
        } finally {
            threads.shutdownNow();
        }
    }
}
