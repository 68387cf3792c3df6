package dev.refrain.engine.internal.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BlankMapTest {
    @TempDir
    Path directory;

    /** Numbers of segments that make Chronicle Map lay the file out differently. */
    @ParameterizedTest
    @ValueSource(ints = {16, 64, 100})
    void theFileIsTheOneThatChronicleMapMakes(int segments) throws IOException {
        ChronicleRuntime.applySettings();
        Path theirs = directory.resolve("theirs");
        Layout.builder(segments).createPersistedTo(theirs.toFile()).close();
        Path ours = Files.createFile(directory.resolve("ours"));
        BlankMap.write(ours, segments);
        assertThat(Files.size(ours)).isEqualTo(Files.size(theirs));
        assertThat(Files.mismatch(ours, theirs)).isEqualTo(-1);
    }
}
