package dev.refrain.engine.internal.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Faults F51 to F54: however a store is damaged, it opens, or begins afresh, or opening fails with an IOException. */
class MutationTest {
    private static final long FIRST_SEED = 1_000_000;
    /** Each kind of damage twice; {@link Mutations} runs thousands. */
    private static final int TRIES = 21 * 2;

    @TempDir
    Path directory;

    @Test
    void f51_f54_noDamageKillsOrStopsTheProcessOrIsServed() throws Exception {
        Mutations mutations = new Mutations(directory, FIRST_SEED, TRIES);
        mutations.run(2);
        assertThat(mutations.failures()).isEmpty();
        assertThat(mutations.outcomes().keySet())
                .anyMatch(outcome -> outcome.endsWith(" opened"))
                .anyMatch(outcome -> outcome.endsWith(" afresh"))
                .anyMatch(outcome -> outcome.endsWith(" refused"));
    }
}
