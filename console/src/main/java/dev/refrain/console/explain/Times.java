package dev.refrain.console.explain;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/** Times as the admin listener writes them: ISO 8601, UTC, milliseconds. Stateless. */
public final class Times {
    private static final DateTimeFormatter FORMAT =
            DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);

    private Times() {}

    /** A time given in milliseconds since the epoch. */
    public static String iso(long millis) {
        return FORMAT.format(Instant.ofEpochMilli(millis));
    }

    /** A time, or null. */
    public static String iso(Instant instant) {
        return instant == null ? null : FORMAT.format(instant);
    }
}
