package dev.refrain.engine.internal.store;

import static dev.refrain.engine.internal.store.TestEntries.NEVER;
import static dev.refrain.engine.internal.store.TestEntries.entry;
import static dev.refrain.engine.internal.store.TestEntries.isGenuine;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import net.openhft.chronicle.map.ChronicleMap;
import net.openhft.chronicle.map.ExternalMapQueryContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How Chronicle Map behaves when a segment is full or its lock is stuck, and how the store handles that. */
class SegmentMapTest {
    private static final long NOW = 10_000;

    @TempDir
    Path directory;

    private final StoreCounters counters = new StoreCounters();
    private final EntryBuffer found = new EntryBuffer(16);
    private final EntryBuffer displaced = new EntryBuffer(16);
    private ChronicleMap<byte[], EntryBuffer> chronicle;
    private SegmentMap map;

    @BeforeEach
    void open() throws IOException {
        ChronicleRuntime.applySettings();
        chronicle = MapFile.create(directory.resolve("map"), 2, true);
        map = new SegmentMap(
                chronicle, counters, new Failures(counters, Clock.fixed(Instant.ofEpochMilli(NOW), ZoneOffset.UTC)));
    }

    @AfterEach
    void close() {
        map.close();
    }

    private static byte[] key(long number) {
        byte[] key = new byte[CacheStore.KEY_LENGTH];
        System.arraycopy(TestEntries.key(number), 0, key, 0, key.length);
        return key;
    }

    private int segment(long number) {
        try (ExternalMapQueryContext<byte[], EntryBuffer, ?> query = chronicle.queryContext(key(number))) {
            return query.segmentIndex();
        }
    }

    /** Numbers of keys that live in the same segment as key 0. */
    private List<Long> neighbours(int count) {
        List<Long> neighbours = new ArrayList<>();
        for (long number = 0; neighbours.size() < count; number++) {
            if (segment(number) == segment(0)) {
                neighbours.add(number);
            }
        }
        return neighbours;
    }

    private boolean put(long number, int length, long storedAt, long expiresAt) {
        return map.put(key(number), entry(number, 0, length, storedAt, expiresAt), null, displaced, NOW);
    }

    private boolean isThere(long number) {
        boolean isThere = map.get(key(number), found);
        if (isThere) {
            assertThat(isGenuine(number, found)).isTrue();
        }
        return isThere;
    }

    @Test
    void theOldestEntriesMakeRoom() {
        List<Long> keys = neighbours(200);
        for (int i = 0; i < keys.size(); i++) {
            assertThat(put(keys.get(i), 10_000, i, NEVER)).isTrue();
        }
        int oldest = 0;
        while (!isThere(keys.get(oldest))) {
            oldest++;
        }
        assertThat(oldest).isBetween(100, 110);
        for (int i = oldest; i < keys.size(); i++) {
            assertThat(isThere(keys.get(i)))
                    .as("entry %s of %s", i, keys.size())
                    .isTrue();
        }
        assertThat(counters.evictions.sum()).isEqualTo(oldest);
    }

    /** Free chunks that are not adjacent do not make room for a long entry. */
    @Test
    void roomIsMadeContiguously() {
        List<Long> keys = neighbours(10_000);
        for (int i = 0; i < keys.size(); i++) {
            // The ages of entries are unrelated to their places.
            assertThat(put(keys.get(i), 80, i * 7919L % 9973, NEVER)).isTrue();
        }
        assertThat(put(keys.get(0), Layout.MAX_VALUE_LENGTH, NOW, NEVER)).isTrue();
        assertThat(isThere(keys.get(0))).isTrue();
    }

    /** Chronicle Map's own replacement would leave the entry pointing at chunks of other entries. */
    @Test
    void growingInAFullSegmentDamagesNothing() {
        List<Long> keys = neighbours(400);
        for (int round = 0; round < 5; round++) {
            for (int i = 0; i < keys.size(); i++) {
                assertThat(put(keys.get(i), 500 + round * 3_000, i, NEVER)).isTrue();
                isThere(keys.get(i / 2));
            }
        }
        long readable = keys.stream().filter(this::isThere).count();
        assertThat(readable).isBetween(50L, 80L).isEqualTo(map.size());
    }

    @Test
    void aStuckSegmentIsLeftAloneUntilItIsFree() throws Exception {
        long other = 1;
        while (segment(other) == segment(0)) {
            other++;
        }
        assertThat(put(0, 2_000, 1, 2)).isTrue();
        assertThat(put(other, 2_000, 1, NEVER)).isTrue();

        CountDownLatch locked = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Thread holder = new Thread(() -> {
            try (ExternalMapQueryContext<byte[], EntryBuffer, ?> query = chronicle.queryContext(key(0))) {
                query.writeLock().lock();
                locked.countDown();
                release.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        holder.start();
        locked.await();
        try {
            assertThat(isThere(0)).isFalse();
            assertThat(counters.failures.sum()).isEqualTo(1);

            long start = System.nanoTime();
            for (int i = 0; i < 100; i++) {
                assertThat(isThere(0)).isFalse();
                assertThat(put(0, 2_000, 1, 2)).isFalse();
                assertThat(map.remove(key(0), displaced)).isFalse();
                assertThat(map.sweep(segment(0), NOW)).isZero();
                assertThat(isThere(other)).isTrue();
            }
            // If the stuck segment were not skipped, each of the four hundred calls would have waited for a second.
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(20));
            assertThat(counters.failures.sum()).isEqualTo(1);
            assertThat(visit(0)).isEqualTo(SegmentMap.Visit.UNREAD);
            assertThat(visit(other)).isEqualTo(SegmentMap.Visit.WHOLE);
        } finally {
            release.countDown();
            holder.join();
        }
        assertThat(visit(0)).isEqualTo(SegmentMap.Visit.WHOLE);
        assertThat(map.sweep(segment(0), NOW)).isEqualTo(1);
        assertThat(put(0, 2_000, 1, NEVER)).isTrue();
        assertThat(isThere(0)).isTrue();
    }

    private SegmentMap.Visit visit(long key) {
        return map.visit(segment(key), (found, head, length) -> true);
    }

    /** However many entries a sweep examines and removes, a writer waits for at most one removal. */
    @Test
    void aSweepHoldsTheLockForOneRemovalAtATime() {
        List<Long> keys = neighbours(1_000);
        for (int i = 0; i < keys.size(); i++) {
            assertThat(put(keys.get(i), 500, 1, i % 3 == 0 ? 2 : NEVER)).isTrue();
        }
        AtomicInteger holds = new AtomicInteger();
        AtomicLong removedBefore = new AtomicLong(map.size());
        counters.holds.observe((work, nanos) -> {
            assertThat(work).isEqualTo(LockHoldTimes.Work.SWEEP);
            assertThat(nanos).isPositive();
            assertThat(removedBefore.getAndSet(map.size()) - map.size()).isLessThanOrEqualTo(1);
            holds.incrementAndGet();
        });
        assertThat(map.sweep(segment(0), NOW)).isEqualTo(334);
        assertThat(holds).hasValue(334);
        assertThat(map.sweep(segment(0), NOW)).isZero();
        assertThat(holds).hasValue(334);
    }

    /** A sweep that tried to take the lock would count a failure here. */
    @Test
    void aSweepThatFindsNothingTakesNoLock() throws InterruptedException {
        assertThat(put(0, 2_000, 1, NEVER)).isTrue();
        try (ExternalMapQueryContext<byte[], EntryBuffer, ?> query = chronicle.queryContext(key(0))) {
            query.writeLock().lock();
            Thread sweeper = new Thread(() -> map.sweep(segment(0), NOW));
            sweeper.start();
            sweeper.join();
        }
        assertThat(counters.failures.sum()).isZero();
        assertThat(isThere(0)).isTrue();
    }

    /**
     * The segment is filled with expired entries, swept, and filled again with entries of another length. If anything
     * had stayed, an entry would have to be evicted.
     */
    @Test
    void aSweepFreesAllRoomOfExpiredEntries() {
        List<Long> keys = neighbours(3_000);
        for (int round = 0; round < 4; round++) {
            // Fills the segment to the last value that fits.
            int length = 300 + round * 1_100;
            int count = Layout.CHUNKS_PER_SEGMENT / Layout.chunks(length);
            for (int i = 0; i < count; i++) {
                assertThat(put(keys.get(i), length, round, round + 1)).isTrue();
            }
            assertThat(counters.evictions.sum()).isZero();
            for (int i = 0; i < count; i++) {
                assertThat(isThere(keys.get(i))).isTrue();
            }
            assertThat(map.sweep(segment(0), round + 1)).isEqualTo(count);
            assertThat(map.usedBytes()).isZero();
        }
    }

    /** Holes between live entries are used again after a sweep. */
    @Test
    void sweptHolesAreFilledBeforeAnythingIsEvicted() {
        int count = Layout.CHUNKS_PER_SEGMENT / Layout.chunks(1_000);
        List<Long> keys = neighbours(2 * count);
        for (int i = 0; i < count; i++) {
            assertThat(put(keys.get(i), 1_000, 1, i % 2 == 0 ? 2 : NEVER)).isTrue();
        }
        long swept = map.sweep(segment(0), NOW);
        assertThat(swept).isEqualTo((count + 1) / 2);
        for (int i = 0; i < swept; i++) {
            assertThat(put(keys.get(count + i), 1_000, 1, NEVER)).isTrue();
        }
        assertThat(counters.evictions.sum()).isZero();
        for (int i = 1; i < count + swept; i += i < count - 1 ? 2 : 1) {
            assertThat(isThere(keys.get(i))).isTrue();
        }
    }

    /** All of them wait for the lock. The second one finds the segment repaired. */
    @Test
    void severalThreadsThatSeeTheSameDamageRepairASegmentOnce() throws InterruptedException {
        int segment = segment(0);
        assertThat(put(0, 1_000, 1, NEVER)).isTrue();
        int seen = map.repairs(segment);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            threads.add(new Thread(() -> map.repair(segment, seen)));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(map.repairs(segment)).isEqualTo(seen + 1);
        // Damage that is noticed later is repaired, too.
        map.repair(key(0));
        assertThat(map.repairs(segment)).isEqualTo(seen + 2);
        assertThat(map.repairs(1 - segment)).isZero();
        assertThat(map.get(key(0), found)).isTrue();
        assertThat(isGenuine(0, found)).isTrue();
    }

    /**
     * Other threads wait for a lock for at most a second, so a repair must be shorter. Segments have one size, however
     * large the store is.
     */
    @ParameterizedTest
    @ValueSource(ints = {80, 1_000, 32_768})
    void aRepairOfAFullSegmentIsShort(int length) {
        int segment = segment(0);
        for (long number = 0; counters.evictions.sum() < 10; number++) {
            if (segment(number) == segment) {
                put(number, length, 1, NEVER);
            }
        }
        List<Long> nanos = new ArrayList<>();
        counters.holds.observe((work, held) -> nanos.add(held));
        for (int i = 0; i < 21; i++) {
            map.repair(segment);
        }
        counters.holds.observe(null);
        nanos.sort(null);
        System.out.printf(
                "repair of a segment full of entries of %d bytes: median %d us, longest %d us%n",
                length, nanos.get(10) / 1_000, nanos.get(20) / 1_000);
        assertThat(nanos).hasSize(21);
        assertThat(nanos.get(10)).isLessThan(250_000_000L);
    }
}
