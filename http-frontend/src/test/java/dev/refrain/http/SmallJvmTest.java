package dev.refrain.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Limits of memory: all workloads of {@link SmallJvm} run in one small JVM. */
class SmallJvmTest {
    @TempDir
    Path folder;

    @Test
    @Timeout(120)
    void allThatClientsAndProvidersSendFitsIntoASmallHeap() throws IOException, InterruptedException {
        List<String> work =
                Arrays.stream(SmallJvm.Work.values()).map(Enum::name).toList();
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx" + SmallJvm.HEAP_MIB + "m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                SmallJvm.class.getName()));
        command.addAll(work);
        Path out = folder.resolve("out");
        Path err = folder.resolve("err");
        int exit = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile())
                .start()
                .waitFor();
        assertThat(Files.readAllLines(out)).as(Files.readString(err)).isEqualTo(work);
        assertThat(Files.readString(err)).doesNotContain("OutOfMemory");
        assertThat(exit).isZero();
    }
}
