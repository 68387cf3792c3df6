package dev.refrain.engine.internal.hot;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class RecordRingTest {
    private static final long SMALLEST = 1 << 20;

    private final RecordRing ring = new RecordRing(SMALLEST, memory());
    private final RecordRing.Cursor cursor = new RecordRing.Cursor();

    @Test
    void findsWhatWasAppended() {
        assertThat(append("key", "head", "body")).isTrue();

        assertThat(value("key")).isEqualTo("headbody");
        assertThat(value("kez")).isNull();
        assertThat(value("keys")).isNull();
    }

    @Test
    void equalHashesDoNotMakeEqualKeys() {
        append(1, bytes("one"), bytes("1"));
        append(1, bytes("two"), bytes("2"));

        assertThat(value(1, bytes("one"))).isEqualTo("1");
        assertThat(value(1, bytes("two"))).isEqualTo("2");
        assertThat(value(1, bytes("six"))).isNull();
    }

    @Test
    void theLaterRecordOfAKeyCounts() {
        append("key", "old", "");
        append("key", "new", "");

        assertThat(value("key")).isEqualTo("new");
    }

    @Test
    void partsCanBeCopied() {
        append("key", "head", "body");
        byte[] into = new byte[6];

        find("key");
        assertThat(cursor.copy(2, into, 1, 4)).isTrue();
        assertThat(into).isEqualTo(new byte[] {0, 'a', 'd', 'b', 'o', 0});
        assertThat(cursor.copy(5, into, 0, 4)).isFalse();
        assertThat(cursor.copy(-1, into, 0, 1)).isFalse();
    }

    @Test
    void dropsARecord() {
        append("key", "value", "");
        find("key");
        ring.drop(cursor);

        assertThat(value("key")).isNull();
    }

    @Test
    void dropsNoLaterRecord() {
        append("key", "old", "");
        find("key");
        append("key", "new", "");
        find("key", new RecordRing.Cursor());
        // The cursor still points to the old record.
        ring.drop(cursor);

        assertThat(value("key")).isEqualTo("new");
    }

    @Test
    void refusesARecordThatIsTooLong() {
        byte[] value = new byte[ring.maxLength()];

        assertThat(append(1, new byte[1], value)).isFalse();
        assertThat(append(1, new byte[1], Arrays.copyOf(value, value.length - 1)))
                .isTrue();
    }

    @Test
    void forgetsTheOldestWhenItIsFull() {
        append("first", "value", "");
        find("first");
        fill(0, 2000);

        assertThat(value("first")).isNull();
        assertThat(cursor.copy(0, new byte[1], 0, 1)).isFalse();
        assertThat(value("filler 1999")).isNotNull();
    }

    @Test
    void aRecordThatIsAskedForStays() {
        append("first", "value", "");
        for (int i = 0; i < 20; i++) {
            ring.hit(hash(bytes("first")));
        }
        for (int i = 0; i < 100; i++) {
            fill(i * 1000, i * 1000 + 1000);
            assertThat(value("first")).isEqualTo("value");
            for (int k = 0; k < 10; k++) {
                ring.hit(hash(bytes("first")));
            }
        }
    }

    @Test
    void aRecordThatIsNoLongerAskedForGoes() {
        append("first", "value", "");
        for (int i = 0; i < 50; i++) {
            ring.hit(hash(bytes("first")));
        }
        // Each later key has three hits: in the end these count more than the hits of the first key long ago.
        for (int i = 0; i < 60_000; i++) {
            byte[] key = bytes("later " + i);
            for (int k = 0; k < 3; k++) {
                ring.shouldAdmit(hash(key));
            }
            append(hash(key), key, new byte[3000]);
        }

        assertThat(value("first")).isNull();
    }

    @Test
    void aScanPushesLittleOut() {
        for (int i = 0; i < 500; i++) {
            byte[] key = bytes("wanted " + i);
            ring.shouldAdmit(hash(key));
            ring.shouldAdmit(hash(key));
            assertThat(append(hash(key), key, new byte[1000])).isTrue();
        }
        for (int i = 0; i < 50_000; i++) {
            long hash = hash(bytes("scanned " + i));
            if (ring.shouldAdmit(hash)) {
                append(hash, bytes("scanned " + i), new byte[1000]);
            }
            ring.hit(hash(bytes("wanted " + i % 500)));
        }
        long left = java.util.stream.IntStream.range(0, 500)
                .filter(i -> value("wanted " + i) != null)
                .count();
        assertThat(left).isGreaterThan(400);
    }

    /** The ring behaves like a map that may lose records, but never returns a wrong or an outdated one. */
    @Property(tries = 50)
    void behavesLikeAMapThatMayLoseRecords(
            @ForAll @Size(min = 1, max = 400) List<@IntRange(min = 0, max = 60) Integer> keys) {
        RecordRing small = new RecordRing(SMALLEST, memory());
        Map<Integer, String> map = new HashMap<>();
        int found = 0;
        for (int i = 0; i < keys.size(); i++) {
            int number = keys.get(i);
            byte[] key = bytes("key " + number);
            // Few different hashes, so that they collide; some records have the maximum length.
            long hash = new SplittableRandom(number % 7).nextLong();
            if (small.find(hash, key, 0, key.length, cursor)) {
                found++;
                byte[] value = new byte[cursor.valueLength()];
                assertThat(cursor.copy(0, value, 0, value.length)).isTrue();
                assertThat(new String(value, StandardCharsets.US_ASCII)).isEqualTo(map.get(number));
                small.hit(hash);
            }
            String value = (i + ".").repeat(1 + i * 37 % 4000);
            boolean taken = small.append(
                    hash,
                    key,
                    0,
                    key.length,
                    bytes(value),
                    value.length() / 3,
                    bytes(value.substring(value.length() / 3)),
                    value.length() - value.length() / 3,
                    cursor);
            if (taken) {
                map.put(number, value);
            }
        }
        assertThat(found > 0 || new java.util.HashSet<>(keys).size() == keys.size())
                .isTrue();
    }

    /** Readers race with writers that keep overtaking them. Each record found is whole and belongs to its key. */
    @Test
    void readersNeverSeeATornRecord() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            writers.set(2);
            List<Future<Integer>> results = threads.invokeAll(List.of(reader(1), reader(2), writer(3), writer(4)));
            assertThat(results.get(0).get() + results.get(1).get()).isPositive();
            assertThat(results.get(2).get() + results.get(3).get()).isPositive();
        } finally {
            threads.shutdownNow();
        }
    }

    private static final int ROUNDS = 60_000;
    /** The number of the latest key. Writers count up, and readers look up recent keys. */
    private final AtomicInteger latest = new AtomicInteger();

    private final AtomicInteger writers = new AtomicInteger();

    private Callable<Integer> writer(long seed) {
        return () -> {
            try {
                return write(seed);
            } finally {
                writers.decrementAndGet();
            }
        };
    }

    private int write(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        RecordRing.Cursor own = new RecordRing.Cursor();
        int written = 0;
        for (int i = 0; i < ROUNDS; i++) {
            int number = latest.incrementAndGet();
            byte[] key = key(number);
            for (int k = 0; k < 1 + number % 30; k++) {
                ring.shouldAdmit(hash(key));
            }
            byte[] value = new byte[1 + random.nextInt(10_000)];
            Arrays.fill(value, (byte) random.nextInt());
            if (ring.append(hash(key), key, 0, key.length, key, key.length, value, value.length, own)) {
                written++;
            }
        }
        return written;
    }

    private Callable<Integer> reader(long seed) {
        return () -> {
            SplittableRandom random = new SplittableRandom(seed);
            RecordRing.Cursor own = new RecordRing.Cursor();
            byte[] value = new byte[20_000];
            int read = 0;
            // The first thread may be done before the others have begun.
            for (int i = 0; i < ROUNDS * 4 || writers.get() > 0; i++) {
                byte[] key = key(latest.get() - random.nextInt(300));
                if (ring.find(hash(key), key, 0, key.length, own) && own.copy(0, value, 0, own.valueLength())) {
                    read++;
                    if (!Arrays.equals(key, 0, 4, value, 0, 4)) {
                        throw new AssertionError("another key's value");
                    }
                    for (int at = 5; at < own.valueLength(); at++) {
                        if (value[at] != value[4]) {
                            throw new AssertionError("a torn value");
                        }
                    }
                    if (i % 3 == 0) {
                        ring.hit(hash(key));
                    }
                }
            }
            return read;
        };
    }

    private static byte[] key(int number) {
        return new byte[] {(byte) number, (byte) (number >> 8), (byte) (number >> 16), 7};
    }

    private void fill(int from, int to) {
        for (int i = from; i < to; i++) {
            ring.shouldAdmit(hash(bytes("filler " + i)));
            ring.shouldAdmit(hash(bytes("filler " + i)));
            append("filler " + i, "x".repeat(1000), "");
        }
    }

    private boolean append(String key, String a, String b) {
        byte[] keyBytes = bytes(key);
        ring.shouldAdmit(hash(keyBytes));
        return ring.append(
                hash(keyBytes), keyBytes, 0, keyBytes.length, bytes(a), a.length(), bytes(b), b.length(), cursor());
    }

    private boolean append(long hash, byte[] key, byte[] value) {
        return ring.append(hash, key, 0, key.length, value, value.length, new byte[0], 0, cursor());
    }

    private static DirectMemory memory() {
        return new DirectMemory(64L << 20, () -> 0, ByteBuffer::allocate);
    }

    private static RecordRing.Cursor cursor() {
        return new RecordRing.Cursor();
    }

    private boolean find(String key) {
        return find(key, cursor);
    }

    private boolean find(String key, RecordRing.Cursor into) {
        return ring.find(hash(bytes(key)), bytes(key), 0, key.length(), into);
    }

    private String value(String key) {
        return value(hash(bytes(key)), bytes(key));
    }

    private String value(long hash, byte[] key) {
        RecordRing.Cursor found = new RecordRing.Cursor();
        if (!ring.find(hash, key, 0, key.length, found)) {
            return null;
        }
        byte[] value = new byte[found.valueLength()];
        assertThat(found.copy(0, value, 0, value.length)).isTrue();
        return new String(value, StandardCharsets.US_ASCII);
    }

    private static long hash(byte[] key) {
        return new SplittableRandom(Arrays.hashCode(key)).nextLong();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
