package dev.refrain.console.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** What is shown fits the terminal, whatever its size. */
class TerminalTest {
    @Test
    void whatDoesNotFitIsLeftOut() {
        String text = "the first line\nsecond\nthird\nfourth\n";
        assertThat(Terminal.screen(text, 4, 10))
                .isEqualTo("\u001b[Hthe first\u001b[K\r\nsecond\u001b[K\r\nthird\u001b[K\r\n\u001b[J");
        assertThat(Terminal.screen(text, 1, 1)).isEqualTo("\u001b[Ht\u001b[K\r\n\u001b[J");
        assertThat(Terminal.screen(text, 50, 200)).contains("the first line", "fourth");
    }
}
