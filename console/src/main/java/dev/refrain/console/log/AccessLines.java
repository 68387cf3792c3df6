package dev.refrain.console.log;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Locale;

/** Formats the records of the access log as lines. Stateless. */
final class AccessLines {
    /** Writes ASCII alone, in which no reader finds a line separator or a control character of Unicode. */
    private static final JsonFactory JSON =
            JsonFactory.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

    private AccessLines() {}

    /** Fields separated by blanks, {@code -} for a missing one. Characters that would break the line are escaped. */
    static String text(AccessRecord entry) {
        StringBuilder line = new StringBuilder(256);
        line.append(Instant.ofEpochMilli(entry.endMillis())).append(' ');
        add(line, entry.origin().client()).append(" \"");
        escape(line, entry.origin().method(), false).append(' ');
        escape(line, entry.origin().path(), false).append(' ');
        escape(line, entry.origin().protocol(), false).append("\" ");
        line.append(entry.status()).append(' ').append(entry.bytes()).append(' ');
        line.append(String.format(Locale.ROOT, "%.6f", entry.durationNanos() / 1e9))
                .append(' ');
        add(line, entry.cache()).append(' ');
        add(line, entry.model()).append(' ');
        add(line, entry.scope()).append(' ');
        add(line, entry.key() == null ? null : entry.key().shortDigest()).append(' ');
        add(line, entry.id()).append(' ');
        return add(line, entry.requestId()).append('\n').toString();
    }

    private static StringBuilder add(StringBuilder line, String text) {
        return text == null || text.isEmpty() ? line.append('-') : escape(line, text, true);
    }

    private static StringBuilder escape(StringBuilder line, String text, boolean blanks) {
        int c;
        for (int i = 0; i < text.length(); i += Character.charCount(c)) {
            c = text.codePointAt(i);
            if (isControl(c) || c == '"' || c == '\\' || (blanks && c == ' ')) {
                line.append(String.format(Locale.ROOT, "\\x%02X", c));
            } else if (isHidden(c)) {
                for (byte b : Character.toString(c).getBytes(StandardCharsets.UTF_8)) {
                    line.append(String.format(Locale.ROOT, "\\x%02X", b));
                }
            } else {
                line.appendCodePoint(c);
            }
        }
        return line;
    }

    /** Characters that control a terminal: C0 and DEL of ASCII, C1 of Latin-1. */
    private static boolean isControl(int c) {
        return c < ' ' || (c >= 0x7F && c < 0xA0);
    }

    /** Invisible characters that some readers take for the end of a line, or that change the direction of text. */
    private static boolean isHidden(int c) {
        int type = Character.getType(c);
        return type == Character.LINE_SEPARATOR || type == Character.PARAGRAPH_SEPARATOR || type == Character.FORMAT;
    }

    /** A JSON object without members for missing values. */
    static String json(AccessRecord entry) {
        StringWriter line = new StringWriter(384);
        try (JsonGenerator json = JSON.createGenerator(line)) {
            json.writeStartObject();
            add(json, "time", Instant.ofEpochMilli(entry.endMillis()).toString());
            add(json, "client", entry.origin().client());
            add(json, "method", entry.origin().method());
            add(json, "path", entry.origin().path());
            add(json, "protocol", entry.origin().protocol());
            json.writeNumberField("status", entry.status());
            json.writeNumberField("bytes", entry.bytes());
            json.writeNumberField("duration_us", entry.durationNanos() / 1000);
            add(json, "cache", entry.cache());
            add(json, "model", entry.model());
            add(json, "scope", entry.scope());
            add(json, "key", entry.key() == null ? null : entry.key().shortDigest());
            add(json, "id", entry.id());
            add(json, "request_id", entry.requestId());
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException("a text in memory has nothing to fail on", e);
        }
        return line.append('\n').toString();
    }

    private static void add(JsonGenerator json, String name, String text) throws IOException {
        if (text != null) {
            json.writeStringField(name, text);
        }
    }
}
