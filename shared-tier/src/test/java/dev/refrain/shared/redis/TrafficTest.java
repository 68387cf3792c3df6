package dev.refrain.shared.redis;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TrafficTest {
    private final Traffic traffic = new Traffic(100);

    @Test
    void itHoldsNoMoreThanItsLimit() {
        long connection = traffic.enter(60);
        assertThat(connection).isNotNegative();
        assertThat(traffic.enter(41)).isNegative();
        assertThat(traffic.enter(40)).isEqualTo(connection);
        traffic.answered(60, connection);
        assertThat(traffic.enter(60)).isEqualTo(connection);
    }

    /** An entry that is longer than the limit is not locked out for ever. */
    @Test
    void oneAloneMayBeLonger() {
        long connection = traffic.enter(1_000);
        assertThat(connection).isNotNegative();
        assertThat(traffic.enter(1)).isNegative();
        traffic.answered(1_000, connection);
        assertThat(traffic.enter(1)).isNotNegative();
    }

    /** What timed out still lies in the connection's buffers, until the server answers something later. */
    @Test
    void whatTimedOutCountsUntilTheServerAnswers() {
        long connection = traffic.enter(90);
        traffic.timedOut(90, connection);
        assertThat(traffic.enter(20)).isNegative();
        assertThat(traffic.enter(10)).isNotNegative();
        traffic.answered(10, connection);
        assertThat(traffic.enter(100)).isNotNegative();
    }

    @Test
    void aNewConnectionHasEmptyBuffers() {
        long connection = traffic.enter(90);
        traffic.timedOut(90, connection);
        traffic.connected();
        assertThat(traffic.enter(100)).isNotEqualTo(connection).isNotNegative();
        traffic.timedOut(0, connection);
        assertThat(traffic.enter(1)).isNegative();
    }
}
