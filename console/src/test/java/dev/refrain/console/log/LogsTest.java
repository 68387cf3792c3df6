package dev.refrain.console.log;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The format of log lines, and which levels are logged. */
class LogsTest {
    private static final Logger OURS = Logger.getLogger("dev.refrain.some.Type");
    private static final Logger THEIRS = Logger.getLogger("io.library");

    private static LogRecord entry(Level level, String message, Throwable thrown) {
        LogRecord entry = new LogRecord(level, message);
        entry.setLoggerName("dev.refrain.some.Type");
        entry.setThrown(thrown);
        return entry;
    }

    @AfterEach
    void usual() {
        Logs.use(Logs.Format.TEXT, Logs.Threshold.INFO);
    }

    @Test
    void aLineOfJsonHasEverythingAndIsOneLine() throws Exception {
        String line = new JsonLines()
                .format(entry(Level.WARNING, "it said \"no\"\nand left\u0007 ü", new IllegalStateException("why\n")));
        assertThat(line).endsWith("}\n").containsOnlyOnce("\n");
        JsonNode json = new ObjectMapper().readTree(line);
        assertThat(json.path("time").asText()).matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z");
        assertThat(json.path("level").asText()).isEqualTo("warn");
        assertThat(json.path("logger").asText()).isEqualTo("dev.refrain.some.Type");
        assertThat(json.path("message").asText()).isEqualTo("it said \"no\"\nand left\u0007 ü");
        assertThat(json.path("error").asText())
                .startsWith("java.lang.IllegalStateException: why")
                .contains("\tat ");
        assertThat(new ObjectMapper()
                        .readTree(new JsonLines().format(entry(Level.FINER, "m", null)))
                        .toString())
                .contains("\"level\":\"debug\"")
                .doesNotContain("error");
    }

    @Test
    void levelsHoldForOursAndForLibraries() {
        Logs.use(Logs.Format.TEXT, Logs.Threshold.ERROR);
        assertThat(OURS.isLoggable(Level.WARNING)).isFalse();
        assertThat(OURS.isLoggable(Level.SEVERE)).isTrue();
        assertThat(THEIRS.isLoggable(Level.WARNING)).isFalse();
        Logs.use(Logs.Format.TEXT, Logs.Threshold.DEBUG);
        assertThat(OURS.isLoggable(Level.FINE)).isTrue();
        assertThat(OURS.isLoggable(Level.FINER)).isFalse();
        assertThat(THEIRS.isLoggable(Level.INFO)).isFalse();
        assertThat(THEIRS.isLoggable(Level.WARNING)).isTrue();
    }

    @Test
    void theFormatCanBeChangedAndChangedBack() {
        Handler handler = Logger.getLogger("").getHandlers()[0];
        Formatter before = handler.getFormatter();
        Logs.use(Logs.Format.JSON, Logs.Threshold.INFO);
        assertThat(handler.getFormatter()).isInstanceOf(JsonLines.class);
        Logs.use(Logs.Format.TEXT, Logs.Threshold.INFO);
        assertThat(handler.getFormatter()).hasSameClassAs(before);
    }
}
