package dev.refrain.http;

import dev.refrain.testing.Jcstress;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs the jcstress tests ({@code *Stress}) of the module's lock-free code. */
class JcstressTest {
    @TempDir
    Path folder;

    @Test
    void noForbiddenOutcomeIsSeen() throws IOException, InterruptedException {
        Jcstress.run(folder);
    }
}
