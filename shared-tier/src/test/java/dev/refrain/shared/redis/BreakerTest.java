package dev.refrain.shared.redis;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BreakerTest {
    private long now = Long.MAX_VALUE - 100;
    private final Breaker breaker = new Breaker(() -> now);

    @Test
    void timeoutsOpenItAfterAWhile() {
        for (int i = 0; i < 100; i++) {
            assertThat(breaker.timedOut()).isFalse();
        }
        now += Breaker.OPENS_AFTER_NANOS - 1;
        assertThat(breaker.timedOut()).isFalse();
        assertThat(breaker.isOpen()).isFalse();
        now++;
        assertThat(breaker.timedOut()).isTrue();
        assertThat(breaker.isOpen()).isTrue();
        assertThat(breaker.timedOut()).as("it is open already").isFalse();
        assertThat(breaker.answered()).isTrue();
        assertThat(breaker.isOpen()).isFalse();
        assertThat(breaker.answered()).isFalse();
    }

    @Test
    void aFewRareTimeoutsDoNot() {
        for (int i = 1; i < Breaker.OPENS_AFTER_TIMEOUTS; i++) {
            assertThat(breaker.timedOut()).isFalse();
            now += Breaker.OPENS_AFTER_NANOS;
        }
        assertThat(breaker.isOpen()).isFalse();
        assertThat(breaker.timedOut()).isTrue();
    }

    @Test
    void anAnswerBeginsTheCountAnew() {
        for (int round = 0; round < 10; round++) {
            for (int i = 0; i < 10; i++) {
                assertThat(breaker.timedOut()).isFalse();
            }
            assertThat(breaker.answered()).isFalse();
            now += Breaker.OPENS_AFTER_NANOS;
        }
    }
}
