package dev.refrain.jmh.tool;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ProgressLineTest {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    private ProgressLine line(boolean isShown) {
        return new ProgressLine(new PrintStream(bytes, true, StandardCharsets.UTF_8), isShown);
    }

    @Test
    void isDrawnAnewWhenItChangesAndEndsItsLine() {
        ProgressLine line = line(true);
        line.at(0, "");
        line.at(50, "half");
        line.at(50, "half");
        line.at(100, "");
        assertThat(bytes.toString(StandardCharsets.UTF_8))
                .isEqualTo("\r[" + ".".repeat(40) + "]   0 % \r[" + "#".repeat(20) + ".".repeat(20) + "]  50 % half\r["
                        + "#".repeat(40) + "] 100 % " + System.lineSeparator());
    }

    @Test
    void isSilentWithoutATerminal() {
        line(false).at(50, "");
        assertThat(bytes.size()).isZero();
    }
}
