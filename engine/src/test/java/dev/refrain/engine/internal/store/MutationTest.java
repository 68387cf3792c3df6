package dev.refrain.engine.internal.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Faults F51 to F54: a damaged store opens, starts afresh, or fails to open with an IOException. */
class MutationTest {
    private static final long FIRST_SEED = Long.getLong("refrain.mutations.first", 1_000_000);
    /** Each kind of damage twice; docs/STORAGE-FORMAT.md says how to try thousands. */
    private static final long TRIES = Long.getLong("refrain.mutations", 21 * 2);

    private static final int JVMS = Integer.getInteger("refrain.mutations.jvms", 2);

    @TempDir
    Path directory;

    @Test
    void f51_f52_f53_f54_noDamageKillsOrStopsTheProcessOrIsServed() throws Exception {
        Mutations mutations = new Mutations(directory, FIRST_SEED, TRIES);
        mutations.run(JVMS);
        mutations.print();
        assertThat(mutations.failures()).isEmpty();
        assertThat(mutations.outcomes().keySet())
                .anyMatch(outcome -> outcome.endsWith(" opened"))
                .anyMatch(outcome -> outcome.endsWith(" afresh"))
                .anyMatch(outcome -> outcome.endsWith(" refused"));
    }
}
