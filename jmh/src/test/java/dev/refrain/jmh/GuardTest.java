package dev.refrain.jmh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.jmh.Guard.Round;
import dev.refrain.jmh.Turns.Times;
import java.util.List;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class GuardTest {
    private static final double SLOW = Guard.HIT.maxRatio() * 1.01;
    private static final double FAT = Guard.HIT.maxBytes() + 1;

    @Test
    void aRoundWithinTheBoundsPasses() {
        assertThat(Guard.isGood(List.of(round(Guard.HIT.maxRatio(), Guard.HIT.maxBytes()))))
                .isTrue();
    }

    @Test
    void aBadRoundBeforeAGoodOneIsNoise() {
        assertThat(Guard.isGood(List.of(round(SLOW, FAT), round(0.1, 1)))).isTrue();
    }

    @Test
    void aRoundIsNotGoodInPartOnly() {
        assertThat(Guard.isGood(List.of(round(SLOW, 1), round(0.1, FAT), round(SLOW, FAT))))
                .isFalse();
    }

    @Test
    void aMeasurementThatIsNoNumberFails() {
        assertThat(Guard.isGood(List.of(round(Double.NaN, 1), round(0.1, Double.NaN))))
                .isFalse();
        assertThat(Guard.isGood(List.of())).isFalse();
    }

    @Test
    void theTableShowsWhatWasMeasured() {
        assertThat(round(SLOW, FAT).row(2))
                .startsWith("| 2 | ")
                .contains(" 1000 ")
                .endsWith("| no |");
    }

    @Test
    void theSlowestTwentiethDoesNotCount() {
        Histogram histogram = new Histogram(3);
        histogram.recordValueWithCount(1000, 96);
        histogram.recordValueWithCount(1_000_000, 4);

        assertThat(Times.of(histogram).trimmedMean()).isEqualTo(1000);
    }

    private static Round round(double ratio, double bytes) {
        return new Round(
                Guard.HIT, new Times(1000 * ratio, 1000 * ratio, 2000 * ratio), new Times(1000, 1000, 1500), bytes);
    }
}
