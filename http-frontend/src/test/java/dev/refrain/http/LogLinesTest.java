package dev.refrain.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * docs/OPERATING.md lists the beginning of each line that the program can log at level {@code info} or above, and no
 * other lines. A new line is added there, with advice for the operator.
 */
class LogLinesTest {
    private static final Path ROOT = Path.of("..");
    private static final Path PAGE = ROOT.resolve("docs/OPERATING.md");

    private static final String LITERALS = "((?:\"(?:[^\"\\\\]|\\\\.)*\"\\s*\\+?\\s*)+)";
    /** A call of the logger, or the creation of a {@code FailureLog}, which logs only the first of many failures. */
    private static final Pattern CALL = Pattern.compile(
            "\\bLOG\\s*\\.\\s*(?:info|warn|error)\\(\\s*" + LITERALS + "|\\bnew FailureLog\\(\\s*" + LITERALS);

    private static final Pattern ANY_CALL =
            Pattern.compile("\\bLOG\\s*\\.\\s*(?:info|warn|error)\\(|new FailureLog\\(");
    private static final Pattern LITERAL = Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*)\"");
    /** An entry of the list: {@code - `The store … keeps`: what to do}. */
    private static final Pattern ENTRY = Pattern.compile("(?m)^- `([^`]+)`: \\S");

    @Test
    void eachLineIsExplained() throws IOException {
        List<String> explained = explained();
        List<String> missing = new ArrayList<>();
        for (String line : lines()) {
            if (explained.stream().noneMatch(line::startsWith)) {
                missing.add(line);
            }
        }
        assertThat(missing).as("log lines that " + PAGE + " does not explain").isEmpty();
    }

    @Test
    void nothingElseIsExplained() throws IOException {
        List<String> lines = lines();
        assertThat(lines).hasSizeGreaterThan(60);
        assertThat(explained())
                .filteredOn(begin -> lines.stream().noneMatch(line -> line.startsWith(begin)))
                .as("lines in " + PAGE + " that nothing logs")
                .isEmpty();
    }

    @Test
    void noCallOfALoggerIsOverlooked() throws IOException {
        for (Path file : sources()) {
            String text = Files.readString(file);
            // This class logs the text that it is given.
            if (!file.endsWith("FailureLog.java")) {
                assertThat(CALL.matcher(text).results().count())
                        .as("log lines of " + file + ", which are to begin with a text")
                        .isEqualTo(ANY_CALL.matcher(text).results().count());
            }
        }
    }

    private static List<String> explained() throws IOException {
        String page = Files.readString(PAGE);
        String section = page.substring(page.indexOf("## What each log line means"));
        return ENTRY.matcher(section).results().map(found -> found.group(1)).toList();
    }

    private static List<String> lines() throws IOException {
        List<String> lines = new ArrayList<>();
        for (Path file : sources()) {
            if (!file.endsWith("FailureLog.java")) {
                CALL.matcher(Files.readString(file)).results().forEach(call -> lines.add(text(call)));
            }
        }
        return lines;
    }

    private static String text(MatchResult call) {
        String literals = call.group(1) == null ? call.group(2) : call.group(1);
        return LITERAL.matcher(literals)
                .results()
                .map(literal -> literal.group(1))
                .collect(Collectors.joining())
                .replace("{}", "…");
    }

    private static List<Path> sources() throws IOException {
        List<Path> sources = new ArrayList<>();
        for (String module : GeneratedDocsTest.PRODUCT) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/main/java"))) {
                files.filter(file -> file.toString().endsWith(".java")).forEach(sources::add);
            }
        }
        return sources;
    }
}
