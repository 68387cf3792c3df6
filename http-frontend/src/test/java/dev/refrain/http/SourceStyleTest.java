package dev.refrain.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Style of all modules' sources that the formatter does not enforce: the length of comment lines, short lines in the
 * middle of their paragraphs, and long files without a reason.
 */
class SourceStyleTest {
    private static final Path ROOT = Path.of("..");
    private static final int COLUMNS = 120;
    /** A line in the middle of a paragraph is an orphan if it is shorter than this and has room for the next word. */
    private static final int SHORT = 70;

    /** A longer file says why it is long. */
    private static final int LONG = 400;

    /** A line that begins a paragraph, an item or a tag, or that is a line of a table. */
    private static final Pattern BEGINS = Pattern.compile("(@|<|-+ |\\d+[.)] |\\| |\\* ).*");

    /** The line that declares a file's class. */
    private static final Pattern TYPE =
            Pattern.compile("^((public|final|abstract|sealed) )*(class|interface|record|enum) ");

    @Test
    void noLineIsLongerThanTheFormattersLines() throws IOException {
        List<String> found = new ArrayList<>();
        for (Path file : sources()) {
            List<String> lines = Files.readAllLines(file);
            for (int i = 0; i < lines.size(); i++) {
                if (lines.get(i).length() > COLUMNS) {
                    found.add(place(file, i));
                }
            }
        }
        assertThat(found).as("lines of more than %s columns", COLUMNS).isEmpty();
    }

    @Test
    void noParagraphOfACommentHasAShortLineInItsMiddle() throws IOException {
        List<String> found = new ArrayList<>();
        for (Path file : sources()) {
            List<String> lines = Files.readAllLines(file);
            for (int i : orphans(lines)) {
                found.add(place(file, i));
            }
        }
        assertThat(found)
                .as("short lines of comments that have room for the next line's first word")
                .isEmpty();
    }

    @Test
    void aLongFileSaysWhyInItsClassComment() throws IOException {
        List<String> found = new ArrayList<>();
        for (Path file : sources()) {
            List<String> lines = Files.readAllLines(file);
            if (lines.size() > LONG && !saysWhyItIsLong(lines)) {
                found.add(ROOT.relativize(file) + ": " + lines.size() + " lines");
            }
        }
        assertThat(found)
                .as("files of more than %s lines without \"Long, since ...\" in their class comment", LONG)
                .isEmpty();
    }

    @Test
    void onlyAClassCommentSaysWhyAFileIsLong() {
        assertThat(saysWhyItIsLong(List.of("/** A test. Long, since it has to be. */", "class A {", "}")))
                .isTrue();
        assertThat(saysWhyItIsLong(
                        List.of("/**", " * A test. Long,", " * since it has to be.", " */", "class A {", "}")))
                .isTrue();
        assertThat(saysWhyItIsLong(List.of("/** A test. */", "class A {", "// Long, since", "}")))
                .isFalse();
    }

    private static boolean saysWhyItIsLong(List<String> lines) {
        return lines.stream()
                .takeWhile(line -> !TYPE.matcher(line).find())
                .map(line -> line.strip().replaceFirst("^\\* ", ""))
                .collect(Collectors.joining(" "))
                .contains("Long, since ");
    }

    @Test
    void aShortLineIsFoundInEitherKindOfComment() {
        assertThat(orphans(List.of("/**", " * A short", " * line in the middle.", " */")))
                .containsExactly(1);
        assertThat(orphans(List.of("    // A short", "    // line."))).containsExactly(0);
        assertThat(orphans(List.of("/* A short", " * line. */"))).containsExactly(0);
    }

    @Test
    void theEndOfAParagraphMayBeShort() {
        String full = " * " + "word ".repeat(24).strip();
        assertThat(orphans(List.of("/**", full, " * A short line.", " *", " * <p>Another paragraph.", " */")))
                .isEmpty();
        assertThat(orphans(List.of(
                        "/**", " * Says:", " * <pre>{@code", " * a", " * b", " * }</pre>", " * @param x", " */")))
                .isEmpty();
        assertThat(orphans(List.of("// One.", "int x;", "// Another one."))).isEmpty();
        assertThat(orphans(List.of("// A short line and a", "// " + "w".repeat(100))))
                .isEmpty();
    }

    /** The indexes, from 0, of short lines that have room for the next word of their paragraph. */
    private static List<Integer> orphans(List<String> lines) {
        List<Integer> found = new ArrayList<>();
        boolean inBlock = false;
        boolean inExample = false;
        String before = null;
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            String text = null;
            boolean ends = line.endsWith("*/");
            if (inBlock || line.startsWith("/*")) {
                text = (ends ? line.substring(0, line.length() - 2) : line)
                        .replaceFirst("^(/\\*+|\\*)", "")
                        .strip();
                inBlock = !ends;
            } else if (line.startsWith("//")) {
                text = line.substring(2).strip();
            }
            boolean example = inExample;
            if (text != null) {
                inExample = (inExample || text.contains("<pre>")) && !text.contains("</pre>");
            }
            boolean isProse = text != null && !text.isEmpty() && !example && !inExample;
            if (before != null && isProse && !BEGINS.matcher(text).matches()) {
                String previous = lines.get(i - 1);
                int length = previous.length();
                int word = text.split(" ", 2)[0].length();
                if (length < SHORT && length + 1 + word <= COLUMNS) {
                    found.add(i - 1);
                }
            }
            before = isProse && !text.endsWith(">") && !ends ? text : null;
        }
        return found;
    }

    private static String place(Path file, int line) {
        return ROOT.relativize(file) + ":" + (line + 1);
    }

    private static List<Path> sources() throws IOException {
        List<Path> sources = new ArrayList<>();
        try (Stream<Path> modules = Files.walk(ROOT, 2)) {
            for (Path module : modules.filter(Files::isDirectory).toList()) {
                Path folder = module.resolve("src");
                if (Files.isDirectory(folder)) {
                    try (Stream<Path> files = Files.walk(folder)) {
                        files.filter(file -> file.toString().endsWith(".java")).forEach(sources::add);
                    }
                }
            }
        }
        assertThat(sources).hasSizeGreaterThan(500);
        return sources;
    }
}
