package dev.refrain.spring;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The starter only wires other modules: OkHttp's front-end, the console and the engine's API. */
@AnalyzeClasses(packages = "dev.refrain.spring", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule nothingButSpringAndWhatIsShared = classes()
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage(
                    "java..",
                    "org.springframework..",
                    "org.slf4j",
                    "okhttp3",
                    "dev.refrain.spring..",
                    "dev.refrain.okhttp",
                    "dev.refrain.console..",
                    "dev.refrain.semantics..",
                    "dev.refrain.engine",
                    "dev.refrain.engine.exchange",
                    "dev.refrain.engine.memory",
                    "dev.refrain.engine.metrics",
                    "dev.refrain.engine.spi",
                    "dev.refrain.engine.stats");

    /** Counts lines that are not blank, comments or imports. */
    @Test
    void itHasAtMost400LinesOfCode() throws IOException {
        long lines = 0;
        try (Stream<Path> files = Files.walk(Path.of("src/main/java"))) {
            List<Path> sources =
                    files.filter(file -> file.toString().endsWith(".java")).toList();
            for (Path file : sources) {
                lines += Files.readAllLines(file).stream()
                        .filter(line -> !line.matches("\\s*((/\\*|\\*|//|import ).*)?"))
                        .count();
            }
        }
        assertThat(lines).isBetween(1L, 400L);
    }
}
