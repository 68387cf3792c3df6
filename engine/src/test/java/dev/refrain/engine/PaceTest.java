package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Percentage.withPercentage;

import dev.refrain.engine.exchange.Pace;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Wire rule W87: the pace of a stream is recorded as a byte for each event. */
class PaceTest {
    private static final long MILLIS = 1_000_000;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 7, 20, 33, 100, 999, 5000, 60_000})
    void aByteHoldsATimeToWithinSomePercent(long millis) {
        assertThat(new Pace(new byte[] {Pace.gap(millis * MILLIS)}).nanosBefore(0))
                .isCloseTo(millis * MILLIS, withPercentage(5));
    }

    @Test
    void aTimeOutOfRangeIsClamped() {
        assertThat(new Pace(new byte[] {Pace.gap(-5)}).nanosBefore(0)).isZero();
        assertThat(new Pace(new byte[] {Pace.gap(1000)}).nanosBefore(0)).isZero();
        assertThat(new Pace(new byte[] {Pace.gap(Long.MAX_VALUE)}).nanosBefore(0))
                .isBetween(60_000 * MILLIS, 70_000 * MILLIS);
    }

    @Test
    void eventsOfOnePieceHaveNoTimeBetween() {
        PaceRecorder recorder = new PaceRecorder(0);
        recorder.passed(0, 5 * MILLIS);
        recorder.passed(3, 10 * MILLIS);
        recorder.passed(3, 20 * MILLIS);
        recorder.passed(200, 30 * MILLIS);
        Pace pace = new Pace(recorder.gaps());
        assertThat(pace.events()).isEqualTo(200);
        assertThat(pace.nanosBefore(0)).isCloseTo(10 * MILLIS, withPercentage(5));
        assertThat(pace.nanosBefore(1)).isZero();
        assertThat(pace.nanosBefore(3)).isCloseTo(20 * MILLIS, withPercentage(5));
        assertThat(pace.nanosBefore(199)).isZero();
        assertThat(recorder.heldBytes()).isLessThan(500);
    }
}
