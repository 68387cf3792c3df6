package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SweeperTest {
    private final AtomicLong now = new AtomicLong(100);
    private final List<String> swept = new ArrayList<>();

    /** Records which slices were swept. */
    private final class Sliced extends ForwardingStore {
        private final int slices;

        Sliced(int slices) {
            this.slices = slices;
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
