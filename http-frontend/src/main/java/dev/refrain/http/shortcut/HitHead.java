package dev.refrain.http.shortcut;

import dev.refrain.console.activity.Account;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.http.server.HeaderNames;
import dev.refrain.semantics.answer.CacheField;
import dev.refrain.semantics.answer.CacheHeaders;
import dev.refrain.semantics.answer.ResponseFields;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Locale;

/** The bytes of a hit's head: the fields that a hit through Undertow has. Used again for each; not thread-safe. */
final class HitHead implements ResponseFields {
    private static final byte[] STATUS =
            "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n".getBytes(StandardCharsets.US_ASCII);

    /** RFC 9110, 5.6.7; the JDK's own has days of one digit. */
    private static final DateTimeFormatter DATE = DateTimeFormatter.ofPattern(
                    "EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.US)
            .withZone(ZoneOffset.UTC);

    private byte[] bytes = new byte[1024];
    private int length;
    private long second;
    private String date;

    void write(ResponseHead head, CacheKey key, Account account, long millis) {
        System.arraycopy(STATUS, 0, bytes, 0, STATUS.length);
        length = STATUS.length;
        if (head.contentType() != null) {
            put(Headers.CONTENT_TYPE, head.contentType());
        }
        put(Headers.CONTENT_LENGTH, Long.toString(head.contentLength()));
        put(HeaderNames.GENERATION_ID, head.generationId());
        CacheHeaders.write(head.cache(), key, head.status(), account, this);
        put(Headers.DATE, date(millis / 1000));
        room(2);
        endLine();
    }

    private String date(long now) {
        if (now != second) {
            second = now;
            date = DATE.format(Instant.ofEpochSecond(now));
        }
        return date;
    }

    @Override
    public void add(CacheField field, String value) {
        put(HeaderNames.of(field), value);
    }

    @Override
    public void put(CacheField field, String value) {
        put(HeaderNames.of(field), value);
    }

    private void put(HttpString name, String value) {
        room(name.length() + value.length() + 4);
        name.copyTo(bytes, length);
        length += name.length();
        bytes[length++] = ':';
        bytes[length++] = ' ';
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            // As Undertow does it: no value can begin a line.
            bytes[length++] = (byte) (c == '\r' || c == '\n' ? ' ' : c);
        }
        endLine();
    }

    private void endLine() {
        bytes[length++] = '\r';
        bytes[length++] = '\n';
    }

    private void room(int more) {
        if (length + more > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, length + more));
        }
    }

    byte[] bytes() {
        return bytes;
    }

    int length() {
        return length;
    }
}
