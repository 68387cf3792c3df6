package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openjdk.jcstress.Main;

/**
 * Runs all jcstress tests ({@code *Stress}) briefly, each in a JVM of its own; {@code -Drefrain.jcstress="-m tough"} and the like
 * take jcstress's own options instead.
 */
class JcstressTest {
    private static final String BRIEFLY = "-f 1 -fsm 1 -iters 1 -time 200 -sc false -af NONE -c 2 -hs 256";

    @TempDir
    Path folder;

    @Test
    void noForbiddenOutcomeIsSeen() throws IOException, InterruptedException {
        List<String> arguments =
                new ArrayList<>(List.of("-jvmArgs", "-Xmx512m " + String.join(" ", ChildJvm.flags()), "-r", "report"));
        arguments.addAll(List.of(System.getProperty("refrain.jcstress", BRIEFLY).split(" ")));
        ChildJvm.Result run =
                ChildJvm.run(ChildJvm.builder(Main.class, arguments.toArray()).directory(folder.toFile()));
        assertThat(run.out()).contains("Failed tests: No matches.").contains("Error tests: No matches.");
        // A selection that selects nothing would have neither.
        assertThat(run.out()).containsPattern("All remaining tests: [1-9]");
        assertThat(run.exit()).isZero();
    }
}
