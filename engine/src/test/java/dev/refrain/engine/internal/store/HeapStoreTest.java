package dev.refrain.engine.internal.store;

import static dev.refrain.engine.internal.store.TestEntries.entry;
import static dev.refrain.engine.internal.store.TestEntries.key;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.HeapStore;
import dev.refrain.testing.OwnThread;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class HeapStoreTest extends CacheStoreContract {
    @Override
    protected CacheStore open() {
        return new HeapStore(64 << 20);
    }

    @Test
    void theBudgetHoldsAndEvictsTheLeastRecentlyRead() {
        CacheStore small = new HeapStore(HeapStore.MIN_CAPACITY);
        EntryBuffer found = new EntryBuffer(16);
        for (int i = 0; i < 1_000; i++) {
            assertThat(small.put(key(i), entry(i, 0, 5_000))).isTrue();
            assertThat(small.get(key(0), found)).isTrue();
            assertThat(small.stats().bytes()).isLessThanOrEqualTo(HeapStore.MIN_CAPACITY);
        }
        assertThat(small.stats().entries()).isBetween(11L, 13L);
        assertThat(small.stats().evictions()).isEqualTo(1_000 - small.stats().entries());
        assertThat(small.get(key(1), found)).isFalse();
        assertThat(small.put(key(0), entry(0, 0, 70_000))).isFalse();
        assertThat(small.get(key(0), found)).isFalse();
        assertThat(small.stats().drops()).isEqualTo(1);
    }

    @Test
    void aWalkOverAllEntriesBlocksNoOtherUse() {
        for (int i = 0; i < 100; i++) {
            store.put(key(i), entry(i, 0, 200));
        }
        int[] shown = {0};
        assertThat(store.visit((key, head, length) -> {
                    assertThat(length).isEqualTo(200);
                    if (++shown[0] == 1) {
                        CompletableFuture.runAsync(this::useAll, OwnThread.EACH)
                                .orTimeout(20, TimeUnit.SECONDS)
                                .join();
                    }
                    return true;
                }))
                .isTrue();
        assertThat(shown[0])
                .as("those that were removed meanwhile are not shown")
                .isEqualTo(50);
    }

    private void useAll() {
        EntryBuffer into = new EntryBuffer(16);
        for (int i = 0; i < 100; i++) {
            assertThat(store.get(key(i), into)).isTrue();
        }
        for (int i = 50; i < 100; i++) {
            assertThat(store.remove(key(i))).isTrue();
        }
        assertThat(store.put(key(100), entry(100, 0, 300))).isTrue();
    }

    @Test
    void aBudgetOfZeroIsRefused() {
        assertThatThrownBy(() -> new HeapStore(HeapStore.MIN_CAPACITY - 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("65536");
    }
}
