package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.HeapStore;
import dev.refrain.engine.spi.StoreStats;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SweeperTest {
    private final AtomicLong now = new AtomicLong(100);
    private final List<String> swept = new ArrayList<>();

    /** Says which slices were swept. */
    private final class Sliced implements CacheStore {
        private final CacheStore inner = new HeapStore(1L << 30);
        private final int slices;

        Sliced(int slices) {
            this.slices = slices;
        }

        @Override
        public boolean get(byte[] key, EntryBuffer into) {
            return inner.get(key, into);
        }

        @Override
        public boolean put(byte[] key, EntryBuffer entry) {
            return inner.put(key, entry);
        }

        @Override
        public boolean remove(byte[] key) {
            return inner.remove(key);
        }

        @Override
        public long sweep(long nowMillis) {
            return inner.sweep(nowMillis);
        }

        @Override
        public int slices() {
            return slices;
        }

        @Override
        public long sweep(long nowMillis, int slice) {
            swept.add(slice + "@" + nowMillis);
            return 1;
        }

        @Override
        public long removeIf(Predicate<byte[]> head) {
            return inner.removeIf(head);
        }

        @Override
        public List<byte[]> find(Predicate<byte[]> key) {
            return inner.find(key);
        }

        @Override
        public StoreStats stats() {
            return inner.stats();
        }

        @Override
        public byte[] secret() {
            return inner.secret();
        }

        @Override
        public void close() {
            inner.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"1000, 60000", "1000, 1000", "1, 60000", "3, 1", "100000, 60000"})
    void comesRoundWithinTheInterval(int slices, long millis) {
        try (Sweeper sweeper = new Sweeper(new Sliced(slices), now::get, () -> {}, Duration.ofMillis(millis))) {
            int turns = 0;
            while (swept.size() < slices) {
                sweeper.turn();
                turns++;
            }
            assertThat(new HashSet<>(swept)).hasSize(slices);
            assertThat(turns * sweeper.pauseNanos())
                    .isLessThan(Duration.ofMillis(millis).toNanos());
        }
    }

    @Test
    void sweepsOneSliceAtATimeIfThatIsEnough() {
        try (Sweeper sweeper = new Sweeper(new Sliced(1_000), now::get, () -> {}, Duration.ofMinutes(1))) {
            assertThat(sweeper.turn()).isEqualTo(1);
            assertThat(Duration.ofNanos(sweeper.pauseNanos())).isBetween(Duration.ofMillis(50), Duration.ofMillis(60));
        }
    }

    @Test
    void asksForTheTimeAtEachTurnAndBeginsAgainAtTheEnd() {
        try (Sweeper sweeper = new Sweeper(new Sliced(2), now::get, () -> {}, Duration.ofMinutes(1))) {
            sweeper.turn();
            now.set(200);
            sweeper.turn();
            sweeper.turn();
        }
        assertThat(swept).containsExactly("0@100", "1@200", "0@200");
    }
}
