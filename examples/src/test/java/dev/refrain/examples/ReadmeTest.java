package dev.refrain.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** README quotes the first two examples, and stays short. */
class ReadmeTest {
    private static final Path README = Path.of("../README.md");
    private static final String BEGINS = "        // README begins.\n";
    private static final String ENDS = "        // README ends.\n";

    @ParameterizedTest
    @ValueSource(strings = {"OpenAiExample", "AnthropicExample"})
    void itsCodeEqualsTheExample(String example) throws IOException {
        String text = Files.readString(Path.of("src/main/java/dev/refrain/examples/" + example + ".java"));
        assertThat(text).containsOnlyOnce(BEGINS).containsOnlyOnce(ENDS);
        // Without stripping, the quote would end with an empty line.
        String quoted = text.substring(text.indexOf(BEGINS) + BEGINS.length(), text.indexOf(ENDS))
                .stripTrailing()
                .stripIndent();
        assertThat(quoted.lines()).hasSizeGreaterThan(5);
        assertThat(Files.readString(README)).contains("```java\n" + quoted + "\n```\n");
    }

    @Test
    void itHasAtMost150Lines() throws IOException {
        assertThat(Files.readAllLines(README)).hasSizeLessThanOrEqualTo(150);
    }
}
