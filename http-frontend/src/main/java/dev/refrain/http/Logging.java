package dev.refrain.http;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.logging.LogManager;

/** Warnings and errors, one line each, on standard error; {@code -Djava.util.logging.config.file} takes precedence. */
final class Logging {
    // SQLite's loader logs a stack trace of each failure and then throws it. The caller logs it in one line.
    private static final String CONFIGURATION = """
            handlers=java.util.logging.ConsoleHandler
            .level=WARNING
            dev.refrain.level=INFO
            org.sqlite.SQLiteJDBCLoader.level=OFF
            java.util.logging.SimpleFormatter.format=%1$tFT%1$tT.%1$tL%1$tz %4$s %3$s %5$s%6$s%n
            """;

    private Logging() {}

    static void configure() {
        if (System.getProperty("java.util.logging.config.file") != null) {
            return;
        }
        try {
            LogManager.getLogManager()
                    .readConfiguration(new ByteArrayInputStream(CONFIGURATION.getBytes(StandardCharsets.UTF_8)));
        } catch (IOException e) {
            throw new UncheckedIOException("an array has nothing to fail on", e);
        }
    }
}
