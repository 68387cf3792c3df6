package dev.refrain.http;

import dev.refrain.testing.Jcstress;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The module's lock-free code, by its jcstress tests ({@code *Stress}). */
class JcstressTest {
    @TempDir
    Path folder;

    @Test
    void noForbiddenOutcomeIsSeen() throws IOException, InterruptedException {
        Jcstress.run(folder);
    }
}
