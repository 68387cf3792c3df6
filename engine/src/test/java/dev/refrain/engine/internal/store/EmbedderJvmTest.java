package dev.refrain.engine.internal.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.ChildJvm;
import dev.refrain.engine.spi.EntryBuffer;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What an embedder sees of the store in a JVM of its own, started with the documented flags or without them. */
class EmbedderJvmTest {
    @TempDir
    Path directory;

    private ChildJvm.Result run(List<String> flags, String end) throws IOException, InterruptedException {
        ProcessBuilder builder = ChildJvm.builder(flags, StoreOpener.class, directory.resolve("answers.refrain"), end);
        int classPath = builder.command().indexOf("-cp") + 1;
        builder.command().set(classPath, withoutLogging(builder.command().get(classPath)));
        return ChildJvm.run(builder);
    }

    /** As an embedder that has chosen no logging has it; what is logged otherwise is for the embedder's configuration to say. */
    private static String withoutLogging(String classPath) {
        return Arrays.stream(classPath.split(File.pathSeparator))
                .filter(element -> !element.contains("slf4j-jdk14"))
                .collect(Collectors.joining(File.pathSeparator));
    }

    @Test
    void openingPrintsNothing() throws Exception {
        for (String end : new String[] {"halt", "close", "close"}) {
            assertThat(run(ChildJvm.flags(), end)).isEqualTo(new ChildJvm.Result(0, "", ""));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"java.lang", "java.lang.reflect", "sun.nio.ch"})
    void aMissingFlagIsNamed(String closed) throws Exception {
        String flag = "--add-opens=java.base/" + closed + "=ALL-UNNAMED";
        List<String> flags = new ArrayList<>(ChildJvm.flags());
        assertThat(flags.remove(flag)).isTrue();
        ChildJvm.Result result = run(flags, "close");
        assertThat(result.exit()).isNotZero();
        assertThat(result.err()).contains("IllegalStateException", "Start java with " + flag + System.lineSeparator());
    }

    @Test
    void withoutFlagsAllAreNamed() throws Exception {
        ChildJvm.Result result = run(List.of(), "close");
        assertThat(result.err()).contains(ChildJvm.FLAGS.subList(0, 3));
    }

    /** An embedder that just exits has closed its store; one that is killed has not. */
    @ParameterizedTest
    @CsvSource({"close,0", "exit,0", "halt,1"})
    void theStoreIsClosedWhenTheJvmExits(String end, int opensLeft) throws Exception {
        assertThat(run(ChildJvm.flags(), end).exit()).isZero();
        try (LockFile lock = LockFile.open(directory.resolve("answers.refrain.lock"))) {
            assertThat(lock.read().opens()).isEqualTo(opensLeft);
        }
        try (ChronicleStore store =
                ChronicleStore.open(directory.resolve("answers.refrain"), 16L << 20, Clock.systemUTC())) {
            assertThat(store.get(TestEntries.key(1), new EntryBuffer(16))).isTrue();
            assertThat(store.stats().entries())
                    .isEqualTo(opensLeft == 0 ? 1 : store.stats().entries());
        }
    }
}
