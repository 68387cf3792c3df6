package dev.refrain.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The front-end is a thin proxy, and the path of a request can be read in one sitting. Code that does not fit here
 * probably has nothing to do with Undertow: rules go to {@code http-semantics}, what is shown to {@code console}, and
 * the side of the provider to {@code upstream-client}.
 */
class SizeTest {
    private static final Path MAIN = Path.of("src/main/java");
    /** Beginnings of lines that are comments or imports. */
    private static final Pattern NO_CODE = Pattern.compile("/?\\*|//|import |package ");

    @Test
    void theFrontEndHasAtMost7500Lines() throws IOException {
        long lines = 0;
        for (Path file : sources(MAIN)) {
            lines += lines(file);
        }
        assertThat(lines).isBetween(1L, 7_500L);
    }

    @Test
    void theRequestsPathIsInAtMostTenFilesOfAtMost400Lines() throws IOException {
        List<Path> files = sources(MAIN.resolve("dev/refrain/http/proxy"));
        assertThat(files).isNotEmpty().hasSizeLessThanOrEqualTo(10);
        for (Path file : files) {
            assertThat(lines(file)).as(file.toString()).isLessThanOrEqualTo(400);
        }
    }

    /**
     * Front-ends inside a JVM convert the requests and answers of one library: at most 400 lines of code, without
     * comments and imports. LangChain4j has two, of some 240 each: one caches calls, the other vectors.
     */
    @ParameterizedTest
    @CsvSource({
        "okhttp, 400",
        "openai, 400",
        "anthropic, 400",
        "jdk-http, 400",
        "langchain4j, 480",
        "spring-boot-starter, 400"
    })
    void aFrontEndInsideAJvmIsSmall(String name, long most) throws IOException {
        long lines = 0;
        for (Path file : sources(Path.of("../client-frontends", name, "src/main/java"))) {
            lines += Files.readAllLines(file).stream()
                    .map(String::strip)
                    .filter(line -> !line.isEmpty() && !NO_CODE.matcher(line).lookingAt())
                    .count();
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
