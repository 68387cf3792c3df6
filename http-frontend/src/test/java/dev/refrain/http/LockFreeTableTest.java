package dev.refrain.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The table of lock-free code in docs/CONCURRENCY.md lists every class with an atomic field, and tests that exist. */
class LockFreeTableTest {
    private static final Path ROOT = Path.of("..");
    /** Modules that are not part of the program. */
    private static final Set<String> ELSEWHERE = Set.of("jmh", "test-support", "examples", "demo-provider");

    private static final Pattern ATOMIC_FIELD =
            Pattern.compile("(?m)^ {4,8}(?:(?:private|static|final|volatile) )+Atomic\\w+(?:<.*>)? \\w+");

    private static final Pattern CODE = Pattern.compile("`([A-Z]\\w+)\\*?`");

    private static List<Path> sources(String kind) throws IOException {
        List<Path> files = new ArrayList<>();
        try (Stream<Path> modules = Files.walk(ROOT, 2)) {
            for (Path module : modules.toList()) {
                Path folder = module.resolve("src").resolve(kind).resolve("java");
                if (Files.isDirectory(folder)
                        && !ELSEWHERE.contains(module.getFileName().toString())) {
                    try (Stream<Path> in = Files.walk(folder)) {
                        in.filter(path -> path.toString().endsWith(".java")).forEach(files::add);
                    }
                }
            }
        }
        assertThat(files).hasSizeGreaterThan(100);
        return files;
    }

    private static String nameOf(Path file) {
        return file.getFileName().toString().replace(".java", "");
    }

    private static List<String> rows() throws IOException {
        String document = Files.readString(ROOT.resolve("docs/CONCURRENCY.md"));
        int begin = document.indexOf("## Lock-free code");
        return document.substring(begin, document.indexOf("\n## ", begin))
                .lines()
                .filter(line -> line.startsWith("| ") && !line.startsWith("| class"))
                .toList();
    }

    private static Set<String> namesIn(String text) {
        Set<String> names = new TreeSet<>();
        Matcher name = CODE.matcher(text);
        while (name.find()) {
            names.add(name.group(1));
        }
        return names;
    }

    @Test
    void everyClassWithAnAtomicFieldIsInTheTable() throws IOException {
        Set<String> listed = rows().stream()
                .flatMap(row -> namesIn(row.split(" \\| ", -1)[0]).stream())
                .collect(Collectors.toSet());
        Set<String> missing = new TreeSet<>();
        for (Path file : sources("main")) {
            if (ATOMIC_FIELD.matcher(Files.readString(file)).find() && !listed.contains(nameOf(file))) {
                missing.add(nameOf(file));
            }
        }
        assertThat(missing).isEmpty();
    }

    @Test
    void itsTestsExist() throws IOException {
        Set<String> all = new TreeSet<>();
        for (Path file : sources("test")) {
            all.add(nameOf(file));
        }
        // Front-ends share this contract, which is in another module.
        all.add("FrontEndContract");
        for (String row : rows()) {
            assertThat(all).as(row).containsAll(namesIn(row.substring(row.lastIndexOf(" | ", row.length() - 3))));
        }
    }
}
