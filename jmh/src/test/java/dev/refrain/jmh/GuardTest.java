package dev.refrain.jmh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.jmh.Guard.Round;
import java.util.List;
import org.junit.jupiter.api.Test;

class GuardTest {
    private static final double SLOW = Guard.MAX_RATIO * 1.01;
    private static final double FAT = Guard.MAX_BYTES + 1;

    @Test
    void roundsWithinTheBoundsPass() {
        assertThat(Guard.judge(List.of(round(Guard.MAX_RATIO, Guard.MAX_BYTES))))
                .isEmpty();
    }

    @Test
    void oneBadRoundOfThreeIsNoise() {
        assertThat(Guard.judge(List.of(round(1, 1), round(SLOW, FAT), round(1, 1))))
                .isEmpty();
    }

    @Test
    void mostRoundsTooSlowFail() {
        assertThat(Guard.judge(List.of(round(1, 1), round(SLOW, 1), round(SLOW, 1))))
                .singleElement()
                .asString()
                .contains("times as long");
    }

    @Test
    void mostRoundsAllocatingTooMuchFail() {
        assertThat(Guard.judge(List.of(round(1, 1), round(1, FAT), round(1, FAT))))
                .singleElement()
                .asString()
                .contains("allocates");
    }

    @Test
    void aMeasurementThatIsNoNumberFails() {
        assertThat(Guard.judge(List.of(round(Double.NaN, Double.NaN)))).hasSize(2);
    }

    private static Round round(double ratio, double bytes) {
        return new Round(1000 * ratio, 1000, bytes);
    }
}
