package dev.refrain.engine;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.Endpoint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A small answer in the words of one provider, from a file of the folder {@code dialects}: lines of names and values, a
 * line {@code ---}, and the answer to the byte.
 *
 * <p>The names are {@code about}, {@code endpoint}, {@code streaming} and {@code stored}; {@code prompt}, {@code
 * completion}, {@code total}, {@code cost} and {@code finish} for the counted facts, each absent if the answer does not
 * contain it; and {@code hit-has} and {@code hit-lacks} for texts that a hit must and must not contain.
 */
record Dialect(String name, Map<String, String> expected, String answer) {
    static Stream<Dialect> all() {
        Path folder = Path.of("src/test/resources/dialects");
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> sorted = files.sorted().toList();
            return sorted.stream().map(Dialect::read);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Dialect read(Path file) {
        try {
            String text = Files.readString(file);
            int head = text.indexOf("---\n");
            Map<String, String> expected = new HashMap<>();
            for (String line : text.substring(0, head).lines().toList()) {
                int colon = line.indexOf(": ");
                expected.put(line.substring(0, colon), line.substring(colon + 2));
            }
            String name = file.getFileName().toString().replace(".txt", "");
            return new Dialect(name, expected, text.substring(head + 4));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Endpoint endpoint() {
        return Endpoint.valueOf(expected.get("endpoint").toUpperCase(Locale.ROOT));
    }

    boolean streaming() {
        return Boolean.parseBoolean(expected.get("streaming"));
    }

    boolean stored() {
        return Boolean.parseBoolean(expected.get("stored"));
    }

    String text(String name) {
        return expected.get(name);
    }

    /** The expected token counts and finish reason; the id is not compared. */
    AnswerFacts facts() {
        String cost = expected.get("cost");
        return new AnswerFacts(
                null,
                count("prompt"),
                count("completion"),
                count("total"),
                cost == null
                        ? AnswerFacts.UNKNOWN
                        : new BigDecimal(cost).movePointRight(9).longValueExact(),
                expected.get("finish"));
    }

    private long count(String name) {
        return expected.containsKey(name) ? Long.parseLong(expected.get(name)) : AnswerFacts.UNKNOWN;
    }

    @Override
    public String toString() {
        return name;
    }
}
