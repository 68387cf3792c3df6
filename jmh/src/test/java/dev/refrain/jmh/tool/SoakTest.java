package dev.refrain.jmh.tool;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Processes that die by SIGKILL in the middle of whatever they do with the store. For more than a quick look:
 * <pre>
 * mvn -pl jmh -am test -Dtest=SoakTest -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dtest.flags='-Xmx1g -Drefrain.kills=500'
 * </pre>
 */
class SoakTest {
    private static final int KILLS = Integer.getInteger("refrain.kills", 10);
    private static final long SEED = Long.getLong("refrain.kills.seed", System.nanoTime());

    @TempDir
    Path directory;

    @Test
    void entriesThatSurviveKillsAreWhole() throws Exception {
        Soak soak = new Soak(directory.resolve("answers.refrain"), SEED);
        while (soak.result().kills() < KILLS && soak.result().faults().isEmpty()) {
            soak.episode();
        }
        System.out.println("Seed " + SEED + ": " + soak.result());
        assertThat(soak.result().faults()).as("seed %s", SEED).isEmpty();
        assertThat(soak.result().checked()).isGreaterThan(KILLS * 100L);
    }
}
