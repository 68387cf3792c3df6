package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ChildJvm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** F50: a program that embeds the engine is warned if LZ4's native library cannot be loaded. */
class Lz4Test {
    @TempDir
    Path folder;

    /** A program that opens two caches. */
    static final class Embedder {
        private Embedder() {}

        public static void main(String[] arguments) throws IOException {
            for (int i = 0; i < 2; i++) {
                ResponseCache.onHeap(1 << 20).open().close();
            }
        }
    }

    private String errorsOf(Path tmpdir) throws IOException, InterruptedException {
        ChildJvm.Result run = ChildJvm.run(ChildJvm.builder(List.of("-Djava.io.tmpdir=" + tmpdir), Embedder.class));
        assertThat(run.exit()).as(run.err()).isZero();
        return run.err();
    }

    @Test
    void f50_withoutTheNativeLibraryOneWarningSaysWhatToDo() throws IOException, InterruptedException {
        Path missing = folder.resolve("missing");
        assertThat(errorsOf(missing))
                .containsOnlyOnce("The native library of LZ4 cannot be loaded")
                .contains("It is unpacked into " + missing + " (java.io.tmpdir)");
    }

    @Test
    void f50_withItThereIsNoWarning() throws IOException, InterruptedException {
        assertThat(errorsOf(folder)).doesNotContain("LZ4 cannot be loaded");
    }
}
