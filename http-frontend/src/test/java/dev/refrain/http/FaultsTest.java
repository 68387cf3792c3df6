package dev.refrain.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Each fault of an earlier build has tests that name it: {@code faults.txt} is the list. */
class FaultsTest {
    private static final int FAULTS = 56;
    private static final Path ROOT = Path.of("..");
    private static final Path LIST = Path.of("src/test/resources/faults.txt");

    /** A line of the list: {@code F52 what was wrong | Class.f52_method ...}. */
    private static final Pattern LINE = Pattern.compile("F(\\d+) [^|]+ \\|((?: \\w+\\.\\w+)+)");

    private static final Pattern ANNOTATION = Pattern.compile("@(Test|ParameterizedTest|Property)\\b");

    @Test
    void everyFaultHasItsTests() throws IOException {
        Map<String, String> sources = new HashMap<>();
        for (Path folder : testFolders()) {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file :
                        files.filter(file -> file.toString().endsWith(".java")).toList()) {
                    sources.put(file.getFileName().toString().replace(".java", ""), Files.readString(file));
                }
            }
        }
        List<Integer> listed = new ArrayList<>();
        for (String line : Files.readAllLines(LIST, StandardCharsets.UTF_8)) {
            if (!line.startsWith("#")) {
                Matcher fault = LINE.matcher(line);
                assertThat(fault.matches()).as(line).isTrue();
                listed.add(Integer.parseInt(fault.group(1)));
                for (String test : fault.group(2).trim().split(" ", -1)) {
                    assertNames(test, "f" + fault.group(1) + "_", sources);
                }
            }
        }
        assertThat(listed).isEqualTo(IntStream.rangeClosed(1, FAULTS).boxed().toList());
    }

    private static List<Path> testFolders() throws IOException {
        try (Stream<Path> modules = Files.walk(ROOT, 2)) {
            return modules.map(module -> module.resolve("src/test/java"))
                    .filter(Files::isDirectory)
                    .toList();
        }
    }

    private static void assertNames(String test, String fault, Map<String, String> sources) {
        String[] name = test.split("\\.", -1);
        assertThat(sources.keySet()).as(test).contains(name[0]);
        String source = sources.get(name[0]);
        int method = source.indexOf("    void " + name[1] + "(");
        assertThat(method).as(test).isPositive();
        // The annotations of the method: all lines since the last blank one.
        String above = source.substring(source.lastIndexOf("\n\n", method), method);
        assertThat(above).as(test).containsPattern(ANNOTATION);
        assertThat("_" + name[1]).contains("_" + fault);
    }
}
