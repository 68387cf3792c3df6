package dev.refrain.console.admin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.memory.MemoryBudget;
import org.junit.jupiter.api.Test;

class AdminServerTest {
    private static final long MIB = 1 << 20;

    /** Heads of 16 KiB take four times that, and what there is of each request besides. */
    @Test
    void headsOfAllConnectionsAreASmallPartOfTheMemoryBudget() {
        for (long heap = 16; heap < 64 * 1024; heap *= 2) {
            long budget = MemoryBudget.share(heap * MIB);
            int connections = AdminServer.connections(budget);
            assertThat(connections).isBetween(32, 256);
            assertThat(connections * 68L * 1024).isLessThanOrEqualTo(Math.max(budget / 16, 32 * 68 * 1024));
        }
        assertThat(AdminServer.connections(MemoryBudget.share(64 * MIB))).isEqualTo(32);
        assertThat(AdminServer.connections(MemoryBudget.share(1024 * MIB))).isEqualTo(256);
    }
}
