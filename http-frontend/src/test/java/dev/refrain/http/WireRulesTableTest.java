package dev.refrain.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Holds the table of docs/HTTP.md that names the tests of each wire rule to the tests that there are. */
class WireRulesTableTest {
    private static final List<Path> SOURCES = List.of(Path.of("src/test/java"), Path.of("../engine/src/test/java"));
    /** {@code | W4 | `SwitchWireTest` | `w4_theFirstRuleThatAppliesDecides` |}. */
    private static final Pattern ROW = Pattern.compile("\\| (W[0-9]+[a-z]?) \\| `(\\w+)` \\| `(\\w+)` \\|");

    private static final Pattern METHOD = Pattern.compile("void (\\w+)\\(");

    private record Row(String rule, String testClass, String method) {}

    private static List<Row> rows;
    /** Names of the test methods, by the simple name of their class. */
    private static Map<String, Set<String>> tests;

    @BeforeAll
    static void read() throws IOException {
        rows = ROW.matcher(Files.readString(Path.of("../docs/HTTP.md")))
                .results()
                .map(row -> new Row(row.group(1), row.group(2), row.group(3)))
                .toList();
        tests = new LinkedHashMap<>();
        for (Path root : SOURCES) {
            try (Stream<Path> files = Files.walk(root)) {
                for (Path file : files.filter(f -> f.toString().matches(".*(Test|IT)\\.java"))
                        .toList()) {
                    String testClass = file.getFileName().toString().replace(".java", "");
                    Matcher methods = METHOD.matcher(Files.readString(file));
                    tests.computeIfAbsent(testClass, name -> new LinkedHashSet<>())
                            .addAll(methods.results().map(m -> m.group(1)).toList());
                }
            }
        }
    }

    @Test
    void everyTestInTheTableExists() {
        assertThat(rows)
                .isNotEmpty()
                .allSatisfy(row -> assertThat(tests.getOrDefault(row.testClass(), Set.of()))
                        .as(row.toString())
                        .contains(row.method()));
    }

    @Test
    void everyTestStandsBesideTheRuleItIsNamedAfter() {
        assertThat(rows)
                .allSatisfy(
                        row -> assertThat(row.method()).startsWith(row.rule().toLowerCase(Locale.ROOT) + "_"));
    }

    @Test
    void everyRuleThatIsBuiltHasATest() {
        Set<String> built = Stream.of(
                        IntStream.rangeClosed(1, 33), IntStream.rangeClosed(50, 52), IntStream.rangeClosed(60, 61))
                .flatMap(IntStream::boxed)
                .map(number -> "W" + number)
                .collect(Collectors.toSet());
        assertThat(rows.stream().map(Row::rule)).containsAll(built);
    }
}
