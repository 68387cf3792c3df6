package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ChildJvm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectMemoryTest {
    @TempDir
    Path folder;

    @Test
    void f19_copiesTakeAQuarterOfDirectMemoryReuseItAndReleaseIt() throws IOException, InterruptedException {
        List<String> flags = new ArrayList<>(ChildJvm.flags());
        flags.add("-XX:MaxDirectMemorySize=16m");

        ChildJvm.Result run = ChildJvm.run(ChildJvm.builder(flags, SmallDirectMemory.class, folder.resolve("answers")));

        assertThat(run.exit()).as(run.err()).isZero();
        Map<String, Long> figures = run.out()
                .lines()
                .map(line -> line.split(" "))
                .collect(Collectors.toMap(words -> words[0], words -> Long.parseLong(words[1])));
        assertThat(figures.get("first")).isGreaterThan(90);
        assertThat(figures.get("second")).isGreaterThan(90);
        assertThat(figures.get("rings")).isBetween(2L << 20, 4L << 20);
        assertThat(figures.get("hundredth")).isGreaterThan(90);
        assertThat(figures).containsKeys("host", "afterwards");
        assertThat(run.err().lines().filter(line -> line.contains("MaxDirectMemorySize")))
                .hasSize(1);
    }
}
