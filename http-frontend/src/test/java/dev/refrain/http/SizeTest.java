package dev.refrain.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The front-end is a thin proxy, and a request's way can be read in a sitting. What has no room here is probably no
 * matter of Undertow's: rules go to {@code http-semantics}, what is shown to {@code console}, and what speaks with
 * providers to {@code upstream-client}.
 */
class SizeTest {
    private static final Path MAIN = Path.of("src/main/java");

    @Test
    void theFrontEndHasAtMost7500Lines() throws IOException {
        long lines = 0;
        for (Path file : sources(MAIN)) {
            lines += lines(file);
        }
        assertThat(lines).isBetween(1L, 7_500L);
    }

    @Test
    void aRequestsWayIsInAtMostTenFilesOfAtMost400Lines() throws IOException {
        List<Path> files = sources(MAIN.resolve("dev/refrain/http/proxy"));
        assertThat(files).isNotEmpty().hasSizeLessThanOrEqualTo(10);
        for (Path file : files) {
            assertThat(lines(file)).as(file.toString()).isLessThanOrEqualTo(400);
        }
    }

    /**
     * Those inside a JVM turn requests and answers into those of one library: some 400 lines. The JDK's client has
     * flows in both directions, LangChain4j's models are cached by calls and vectors by items, and the starter has
     * settings, health and console.
     */
    @ParameterizedTest
    @CsvSource({
        "okhttp, 400",
        "openai, 400",
        "anthropic, 400",
        "jdk-http, 550",
        "langchain4j, 1000",
        "spring-boot-starter, 600"
    })
    void aFrontEndInsideAJvmIsSmall(String name, long most) throws IOException {
        long lines = 0;
        for (Path file : sources(Path.of("../client-frontends", name, "src/main/java"))) {
            lines += lines(file);
        }
        assertThat(lines).isBetween(1L, most);
    }

    private static List<Path> sources(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.toString().endsWith(".java")).toList();
        }
    }

    private static long lines(Path file) throws IOException {
        return Files.readAllLines(file).size();
    }
}
