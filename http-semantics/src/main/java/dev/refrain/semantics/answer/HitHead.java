package dev.refrain.semantics.answer;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.exchange.ResponseHead;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;

/**
 * Writes the head of a hit as bytes of HTTP/1.1, for front-ends that answer hits without their HTTP server. Allocates
 * little. One instance serves many hits, one after the other; not thread-safe.
 */
public final class HitHead implements ResponseFields {
    private static final byte[] STATUS = ascii("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n");

    private static final byte[] CONTENT_TYPE = ascii("Content-Type");
    private static final byte[] CONTENT_LENGTH = ascii("Content-Length");
    private static final byte[] GENERATION_ID = ascii("X-Generation-Id");
    private static final byte[] REQUEST_ID = ascii(RequestId.FIELD);
    private static final byte[] DATE_NAME = ascii("Date");

    private static final Map<CacheField, byte[]> FIELDS = new EnumMap<>(CacheField.class);

    static {
        for (CacheField field : CacheField.values()) {
            FIELDS.put(field, ascii(field.field()));
        }
    }

    /** RFC 9110, 5.6.7. The JDK's {@code RFC_1123_DATE_TIME} does not fit: it writes the days 1 to 9 with one digit. */
    private static final DateTimeFormatter DATE = DateTimeFormatter.ofPattern(
                    "EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.US)
            .withZone(ZoneOffset.UTC);

    private byte[] bytes = new byte[1024];
    private int length;
    private long second;
    private String date;

    /**
     * Writes a head over the previous one.
     *
     * @param head of the hit, with its length and its {@link dev.refrain.engine.exchange.CacheOutcome}
     * @param requestId the id that the client gave the request; null if it gave none, to send the generation id instead
     * @param pricing of the request, with its model
     * @param millis the time of {@code Date}, in milliseconds since the epoch
     */
    public void write(ResponseHead head, String requestId, CacheKey key, CacheHeaders.Pricing pricing, long millis) {
        System.arraycopy(STATUS, 0, bytes, 0, STATUS.length);
        length = STATUS.length;
        if (head.contentType() != null) {
            put(CONTENT_TYPE, head.contentType());
        }
        put(CONTENT_LENGTH, Long.toString(head.contentLength()));
        put(GENERATION_ID, head.generationId());
        put(REQUEST_ID, requestId == null ? head.generationId() : requestId);
        CacheHeaders.write(head.cache(), key, head.status(), pricing, this);
        put(DATE_NAME, date(millis / 1000));
        room(2);
        endLine();
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
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
        put(FIELDS.get(field), value);
    }

    @Override
    public void put(CacheField field, String value) {
        put(FIELDS.get(field), value);
    }

    private void put(byte[] name, String value) {
        room(name.length + value.length() + 4);
        System.arraycopy(name, 0, bytes, length, name.length);
        length += name.length;
        bytes[length++] = ':';
        bytes[length++] = ' ';
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            // A value must not begin another line of the header.
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

    /** The array that holds the head, from index 0; valid until the next {@link #write}. */
    public byte[] bytes() {
        return bytes;
    }

    /** Length of the head in bytes. */
    public int length() {
        return length;
    }
}
