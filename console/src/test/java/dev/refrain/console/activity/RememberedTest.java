package dev.refrain.console.activity;

import static org.assertj.core.api.Assertions.assertThat;

import com.github.benmanes.caffeine.cache.Cache;
import org.junit.jupiter.api.Test;

/** What clients and providers name is bounded in bytes, however long it is. */
class RememberedTest {
    private static final int MAX_BYTES = 100_000;

    private static Cache<Long, String> cache() {
        return Remembered.texts(MAX_BYTES, key -> Long.BYTES);
    }

    @Test
    void f16_longTextsTakeNoMoreThanShortOnes() {
        Cache<Long, String> cache = cache();
        for (long i = 0; i < 10_000; i++) {
            cache.put(i, "x".repeat((int) (i % 5_000)));
        }
        assertThat(Remembered.bytes(cache)).isBetween(1L, (long) MAX_BYTES);
        long characters =
                cache.asMap().values().stream().mapToLong(String::length).sum();
        assertThat(characters).isLessThan(MAX_BYTES / 2);
    }

    @Test
    void f16_whatIsLargerThanAllOfItIsNotKept() {
        Cache<Long, String> cache = cache();
        cache.put(1L, "real");
        cache.put(2L, "x".repeat(7_000_000));
        assertThat(Remembered.bytes(cache)).isLessThan(1000);
        assertThat(cache.getIfPresent(2L)).isNull();
        assertThat(cache.getIfPresent(1L)).isEqualTo("real");
    }
}
