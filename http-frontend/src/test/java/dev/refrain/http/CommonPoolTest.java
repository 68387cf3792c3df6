package dev.refrain.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Tests of all modules name the executor of their concurrent tasks. On JDK 25, tests that left them to the common pool
 * blocked each other for ever ({@link dev.refrain.testing.OwnThread}).
 */
class CommonPoolTest {
    private static final Path ROOT = Path.of("..");
    private static final Pattern CALL = Pattern.compile("\\b(?:supplyAsync|runAsync)\\(");

    @Test
    void noTestRunsTasksInTheCommonPool() throws IOException {
        List<String> found = new ArrayList<>();
        try (Stream<Path> files = Files.walk(ROOT)) {
            for (Path file : (Iterable<Path>) files.filter(CommonPoolTest::isTest)::iterator) {
                String source = Files.readString(file);
                Matcher call = CALL.matcher(source);
                while (call.find()) {
                    if (!hasSecondArgument(source, call.end())) {
                        found.add(ROOT.relativize(file) + ": " + source.substring(call.start(), call.end()));
                    }
                }
            }
        }
        assertThat(found).isEmpty();
    }

    private static boolean isTest(Path file) {
        String path = file.toString().replace('\\', '/');
        return path.endsWith(".java")
                && !path.endsWith("/CommonPoolTest.java")
                && (path.contains("/src/test/java/") || path.contains("/test-support/src/main/java/"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"() -> f(a, b)) | false", "() -> { g(\",)\"); }) | false", "() -> f(a), threads) | true"})
    void aCommaInsideOfTheFirstArgumentIsNone(String rest, boolean expected) {
        assertThat(hasSecondArgument(rest, 0)).isEqualTo(expected);
    }

    /** Whether a comma stands in the parentheses that are open at {@code from}: not in nested ones or strings. */
    private static boolean hasSecondArgument(String source, int from) {
        int depth = 1;
        boolean inText = false;
        for (int i = from; depth > 0; i++) {
            char c = source.charAt(i);
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                inText = !inText;
            } else if (!inText && "([{".indexOf(c) >= 0) {
                depth++;
            } else if (!inText && ")]}".indexOf(c) >= 0) {
                depth--;
            } else if (!inText && c == ',' && depth == 1) {
                return true;
            }
        }
        return false;
    }
}
