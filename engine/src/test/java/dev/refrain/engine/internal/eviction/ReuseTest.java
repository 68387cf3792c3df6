package dev.refrain.engine.internal.eviction;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import java.util.function.IntSupplier;
import org.junit.jupiter.api.Test;

class ReuseTest {
    private final Reuse reuse = new Reuse();
    private final SplittableRandom random = new SplittableRandom(1);

    /** Requests keys of one frequency again after {@code idle} ticks. A key that waits is sampled every ten ticks. */
    private void live(int frequency, int keys, IntSupplier idle) {
        for (int key = 0; key < keys; key++) {
            int again = idle.getAsInt();
            for (int time = random.nextInt(10) + 1; time < again; time += 10) {
                reuse.waiting(frequency, time);
            }
            reuse.again(frequency, again);
        }
        reuse.learn(10);
    }

    @Test
    void inALoopTheOldestEntriesAreWorthMost() {
        live(3, 10_000, () -> 1_000);
        assertThat(reuse.earns(3, 900)).isGreaterThan(2 * reuse.earns(3, 400));
        assertThat(reuse.earns(3, 400)).isGreaterThan(1.2 * reuse.earns(3, 50));
        // An entry of age 50 has one hit in the 950 ticks that are left of the loop, as precisely as ages are known.
        assertThat(reuse.earns(3, 50)).isBetween(0.5 / 950, 2.0 / 950);
    }

    @Test
    void ifRecentKeysReturnTheOldestEntriesAreWorthLeast() {
        live(3, 10_000, () -> random.nextInt(10) < 8 ? 1 + random.nextInt(20) : 5_000);
        assertThat(reuse.earns(3, 5)).isGreaterThan(10 * reuse.earns(3, 100));
    }

    @Test
    void classesAreLearnedApart() {
        live(1, 5_000, () -> 2_000);
        live(5, 5_000, () -> 1 + random.nextInt(100));
        assertThat(reuse.earns(5, 20)).isGreaterThan(10 * reuse.earns(1, 20));
    }

    @Test
    void beforeAnyLearningWorthIsFrequencyDividedByAge() {
        assertThat(reuse.earns(4, 100)).isGreaterThan(1.5 * reuse.earns(2, 100));
        assertThat(reuse.earns(4, 100)).isGreaterThan(2 * reuse.earns(4, 1_000));
    }

    @Test
    void everyAgeHasAClass() {
        for (int idle = 0; idle < Footprints.LONG_AGO; idle++) {
            reuse.again(Footprints.MAX_FREQUENCY, idle);
            reuse.waiting(0, idle);
        }
        reuse.learn(1);
        assertThat(reuse.earns(Footprints.MAX_FREQUENCY, Footprints.LONG_AGO - 1))
                .isFinite()
                .isPositive();
    }
}
