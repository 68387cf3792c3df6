package dev.refrain.shared.redis;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.memory.MemoryBudget;
import org.junit.jupiter.api.Test;

class TrafficTest {
    private final MemoryBudget memory = new MemoryBudget(10_000);
    private final Traffic traffic = new Traffic(100, memory);

    @Test
    void itHoldsNoMoreThanItsLimit() {
        long connection = traffic.enter(60);
        assertThat(connection).isNotNegative();
        assertThat(traffic.enter(41)).isNegative();
        assertThat(traffic.enter(40)).isEqualTo(connection);
        traffic.left(60, connection);
        assertThat(traffic.enter(60)).isEqualTo(connection);
    }

    /** An entry that is longer than the limit can still be sent, alone. */
    @Test
    void anEntryOverTheLimitMayBeSentAlone() {
        long connection = traffic.enter(1_000);
        assertThat(connection).isNotNegative();
        assertThat(traffic.enter(1)).isNegative();
        traffic.left(1_000, connection);
        assertThat(traffic.enter(1)).isNotNegative();
    }

    @Test
    void aNewConnectionHasEmptyBuffers() {
        long connection = traffic.enter(90);
        traffic.connected();
        assertThat(traffic.enter(100)).isNotEqualTo(connection).isNotNegative();
        traffic.left(90, connection);
        assertThat(traffic.enter(1)).isNegative();
    }

    @Test
    void trafficIsReservedInTheMemoryBudget() {
        assertThat(traffic.enter(60)).isNotNegative();
        long second = traffic.enter(40);
        assertThat(memory.usedBytes()).isEqualTo(100);
        traffic.left(40, second);
        assertThat(memory.usedBytes()).isEqualTo(60);
        traffic.connected();
        assertThat(memory.usedBytes()).isZero();
        assertThat(memory.reserve(9_990, MemoryBudget.Use.UNDER_WAY)).isTrue();
        assertThat(traffic.enter(60)).as("without room in the budget").isNegative();
        assertThat(memory.usedBytes()).isEqualTo(9_990);
    }
}
