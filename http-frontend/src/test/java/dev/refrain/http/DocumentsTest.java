package dev.refrain.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Mechanical checks of the documents. */
class DocumentsTest {
    private static final Path ROOT = Path.of("..");
    private static final Path DOCS = ROOT.resolve("docs");

    private static final Pattern LINK = Pattern.compile("(?<!!)\\[[^\\]]*\\]\\(([^)\\s]+)\\)");
    private static final Pattern HEADING = Pattern.compile("(?m)^#+ (.+)$");
    private static final Pattern CODE = Pattern.compile("(?ms)^ *```.*?^ *```$");
    private static final Pattern PACKAGE = Pattern.compile("(?m)^package ([\\w.]+);");

    @Test
    void eachPageBeginsWithItsAudience() throws IOException {
        for (Path page : pages(DOCS)) {
            List<String> lines = Files.readAllLines(page);
            assertThat(lines.get(0)).as(page.toString()).startsWith("# ");
            assertThat(lines.get(2)).as("the first paragraph of " + page).startsWith("For ");
        }
    }

    @Test
    void eachLinkLeadsSomewhere() throws IOException {
        List<Path> all = new ArrayList<>(pages(DOCS));
        all.addAll(pages(DOCS.resolve("measurements")));
        all.addAll(pages(ROOT));
        List<String> broken = new ArrayList<>();
        int links = 0;
        for (Path page : all) {
            for (MatchResult link : LINK.matcher(prose(page)).results().toList()) {
                links++;
                if (!leadsSomewhere(page, link.group(1))) {
                    broken.add(ROOT.relativize(page) + ": " + link.group(1));
                }
            }
        }
        assertThat(links).isGreaterThan(100);
        assertThat(broken).isEmpty();
    }

    private static boolean leadsSomewhere(Path page, String link) throws IOException {
        if (link.startsWith("http")) {
            return true;
        }
        String[] parts = link.split("#", 2);
        Path target = parts[0].isEmpty() ? page : page.resolveSibling(parts[0]);
        if (parts.length == 1) {
            return Files.exists(target);
        }
        return Files.exists(target)
                && HEADING.matcher(prose(target))
                        .results()
                        .anyMatch(heading ->
                                GeneratedDocsTest.anchor(heading.group(1)).equals(parts[1]));
    }

    private static String prose(Path page) throws IOException {
        return CODE.matcher(Files.readString(page)).replaceAll("");
    }

    @Test
    void theTableOfPackagesHasAllOfThem() throws IOException {
        String table = Files.readString(DOCS.resolve("ARCHITECTURE.md"));
        List<String> missing = new ArrayList<>();
        for (String module : GeneratedDocsTest.PRODUCT) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/main/java"))) {
                for (Path file :
                        files.filter(file -> file.endsWith("package-info.java")).toList()) {
                    String name = PACKAGE.matcher(Files.readString(file))
                            .results()
                            .findFirst()
                            .orElseThrow()
                            .group(1);
                    if (!table.contains("| `" + name + "` |")) {
                        missing.add(name);
                    }
                }
            }
        }
        assertThat(missing).isEmpty();
    }

    /**
     * Rows of docs/UPGRADING.md by their beginnings, each with two lists of constants: the numbers of the present
     * formats, and the older numbers that can still be read.
     */
    private static final Map<String, List<List<String>>> FORMATS = Map.of(
            "the store's file",
            List.of(
                    List.of("engine/internal/store/StoreFiles FORMAT_VERSION"),
                    List.of("engine/internal/store/StoreFiles OLDER_VERSION")),
            "an entry in it",
            List.of(List.of("engine/EntryCodec CURRENT_VERSION", "engine/EntryCodec BLOCK_PATCHES_VERSION"), List.of()),
            "keys",
            List.of(List.of("engine/KeyDeriver KEY_VERSION"), List.of()),
            "sealed entries",
            List.of(List.of("engine/internal/seal/EntrySeal VERSION"), List.of()),
            "log of requests",
            List.of(
                    List.of(
                            "console/activity/JournalFile VERSION",
                            "console/activity/RecordCodec VERSION",
                            "console/activity/Minute VERSION"),
                    List.of(
                            "console/activity/RecordCodec WITHOUT_POLICIES",
                            "console/activity/RecordCodec WITHOUT_NAMESPACES",
                            "console/activity/RecordCodec WITHOUT_REQUEST_IDS",
                            "console/activity/Minute WITHOUT_SPENT")),
            "what is in Redis",
            List.of(List.of("shared/redis/Names VERSION"), List.of()),
            "recordings",
            List.of(List.of("cassettes/RecordingFile FORMAT"), List.of()),
            "archives",
            List.of(List.of("engine/internal/archive/Manifest FORMAT"), List.of()));

    @Test
    void theTableOfFormatsHasTheNumbersOfTheCode() throws IOException {
        String page = Files.readString(DOCS.resolve("UPGRADING.md"));
        String[] table = page.substring(page.indexOf("\n## Formats"))
                .split("\n\n", -1)[2]
                .split("\n", -1);
        assertThat(table).hasSize(FORMATS.size() + 2);
        for (String row : List.of(table).subList(2, table.length)) {
            String[] cells = row.split("\\|", -1);
            List<List<String>> constants = FORMATS.entrySet().stream()
                    .filter(each -> cells[1].strip().startsWith(each.getKey()))
                    .findFirst()
                    .orElseThrow()
                    .getValue();
            assertThat(numbers(cells[2])).as(row).isEqualTo(values(constants.get(0)));
            assertThat(numbers(cells[3])).as(row).isEqualTo(values(constants.get(1)));
        }
    }

    private static List<String> numbers(String cell) {
        return Pattern.compile("[0-9]+")
                .matcher(cell)
                .results()
                .map(MatchResult::group)
                .toList();
    }

    private static List<String> values(List<String> constants) throws IOException {
        List<String> values = new ArrayList<>();
        for (String constant : constants) {
            String[] typeAndName = constant.split(" ", 2);
            String type = "src/main/java/dev/refrain/" + typeAndName[0] + ".java";
            Path file = GeneratedDocsTest.PRODUCT.stream()
                    .map(module -> ROOT.resolve(module).resolve(type))
                    .filter(Files::exists)
                    .findFirst()
                    .orElseThrow();
            values.add(Pattern.compile(" " + typeAndName[1] + " = \"?([0-9]+)\"?;")
                    .matcher(Files.readString(file))
                    .results()
                    .findFirst()
                    .orElseThrow()
                    .group(1));
        }
        return values;
    }

    /** Checks what docs/ARCHITECTURE.md says of modules and packages. */
    @Test
    void eachModuleStaysWithinItsLines() throws IOException {
        for (String module : GeneratedDocsTest.PRODUCT) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/test/java"))) {
                assertThat(files.filter(file -> file.endsWith("ArchitectureTest.java")))
                        .as(module)
                        .hasSize(1);
            }
        }
    }

    @Test
    void theResultsAreOnePageOfTenRowsAndTwoCharts() throws IOException {
        String page = Files.readString(DOCS.resolve("PERFORMANCE.md"));
        assertThat(page.lines().count()).isLessThanOrEqualTo(70);
        assertThat(Pattern.compile("(?m)^\\| [0-9]+ \\|").matcher(page).results())
                .hasSize(10);
        assertThat(Pattern.compile("!\\[").matcher(page).results()).hasSize(2);
    }

    private static List<Path> pages(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> pages = files.filter(file -> file.toString().endsWith(".md"))
                    .sorted()
                    .toList();
            assertThat(pages).isNotEmpty();
            return pages;
        }
    }
}
