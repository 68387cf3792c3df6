package dev.refrain.engine.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Maps that clients fill are bounded in bytes, whatever the clients send (F16). */
class BoundedMapTest {
    private static final int OWN = BoundedMap.ENTRY_BYTES;

    private static BoundedMap<Integer, String> map(long maxBytes, int maxEntries) {
        return new BoundedMap<>(maxBytes, maxEntries, (key, value) -> value.length());
    }

    @Test
    void f16_theSumOfAllIsBounded() {
        BoundedMap<Integer, String> map = map(50_000, 60);
        Map<Integer, String> all = new HashMap<>();
        Random random = new Random(13);
        for (int i = 0; i < 20_000; i++) {
            int key = random.nextInt(300);
            String value = "v".repeat(random.nextInt(3000));
            switch (random.nextInt(4)) {
                case 0 -> map.remove(key);
                case 1 -> {
                    String known = map.get(key);
                    assertThat(known == null || known.equals(all.get(key))).isTrue();
                }
                default -> {
                    map.put(key, value);
                    all.put(key, value);
                    assertThat(map.peek(key)).isEqualTo(value);
                }
            }
            assertThat(map.bytes()).isLessThanOrEqualTo(50_000);
            assertThat(map.size()).isLessThanOrEqualTo(60);
        }
        assertThat(map.values().stream()
                        .mapToLong(value -> OWN + value.length())
                        .sum())
                .isEqualTo(map.bytes());
        assertThat(map.values()).hasSize(map.size());
        map.keys().forEach(map::remove);
        assertThat(map.bytes()).isZero();
        assertThat(map.size()).isZero();
    }

    @Test
    void theOldestGoesFirstAlsoIfItIsPeekedAt() {
        BoundedMap<Integer, String> map = map(1 << 20, 3);
        for (int i = 0; i < 3; i++) {
            map.put(i, "v" + i);
        }
        assertThat(map.peek(0)).isEqualTo("v0");
        map.put(1, "again");
        map.put(3, "v3");
        map.put(4, "v4");
        assertThat(map.keys()).containsExactly(1, 3, 4);
        assertThat(map.values()).containsExactly("again", "v3", "v4");
    }

    @Test
    void anEntryThatWasReadGetsASecondChance() {
        BoundedMap<Integer, String> map = map(1 << 20, 3);
        map.put(0, "real");
        for (int i = 1; i < 1000; i++) {
            map.put(i, "made up");
            assertThat(map.get(0)).isEqualTo("real");
        }
        map.put(1000, "made up");
        map.put(1001, "made up");
        map.put(1002, "made up");
        map.put(1003, "made up");
        assertThat(map.get(0)).isNull();
    }

    @Test
    void anEntryLargerThanTheBoundIsNotKeptAndRemovesTheOlderOne() {
        BoundedMap<Integer, String> map = map(OWN + 10, 3);
        map.put(1, "0123456789");
        assertThat(map.bytes()).isEqualTo(OWN + 10);
        map.put(1, "0123456789a");
        assertThat(map.get(1)).isNull();
        assertThat(map.bytes()).isZero();
    }

    @Test
    void threadsMayUseItAtTheSameTime() throws Exception {
        BoundedMap<Integer, String> map = map(100 * (OWN + 4), 1000);
        CountDownLatch done = new CountDownLatch(4);
        for (int t = 0; t < 4; t++) {
            Random random = new Random(t);
            Thread thread = new Thread(() -> {
                for (int i = 0; i < 20_000; i++) {
                    int key = random.nextInt(200);
                    map.put(key, "" + key % 10);
                    map.get(random.nextInt(200));
                    map.remove(random.nextInt(200));
                }
                done.countDown();
            });
            thread.setDaemon(true);
            thread.start();
        }
        assertThat(done.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(map.bytes()).isEqualTo((OWN + 1L) * map.size()).isLessThanOrEqualTo(100 * (OWN + 4));
        map.keys().forEach(key -> assertThat(map.get(key)).isEqualTo("" + key % 10));
    }
}
