package dev.refrain.console.log;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.logging.Formatter;
import java.util.logging.LogRecord;

/** Formats a line of the log as a JSON object: time, level, logger, message, and the stack trace of an exception. */
final class JsonLines extends Formatter {
    private static final JsonFactory JSON = new JsonFactory();

    @Override
    public String format(LogRecord entry) {
        StringWriter line = new StringWriter(256);
        try (JsonGenerator json = JSON.createGenerator(line)) {
            json.writeStartObject();
            json.writeStringField("time", entry.getInstant().toString());
            json.writeStringField("level", Logs.Threshold.word(entry.getLevel()));
            json.writeStringField("logger", entry.getLoggerName());
            json.writeStringField("message", formatMessage(entry));
            if (entry.getThrown() != null) {
                StringWriter trace = new StringWriter();
                entry.getThrown().printStackTrace(new PrintWriter(trace, true));
                json.writeStringField("error", trace.toString());
            }
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException("a text in memory has nothing to fail on", e);
        }
        return line.append('\n').toString();
    }
}
