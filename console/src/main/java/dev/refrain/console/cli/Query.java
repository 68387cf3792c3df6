package dev.refrain.console.cli;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Builds the query string of a request to the admin listener. Not thread-safe. */
final class Query {
    private static final Pattern AGO = Pattern.compile("([0-9]{1,9})([mhd])");

    private final StringBuilder text = new StringBuilder();

    /** Adds a parameter; null adds none. */
    Query with(String name, Object value) {
        if (value != null) {
            text.append(text.isEmpty() ? '?' : '&')
                    .append(name)
                    .append('=')
                    .append(URLEncoder.encode(value.toString(), StandardCharsets.UTF_8));
        }
        return this;
    }

    @Override
    public String toString() {
        return text.toString();
    }

    /**
     * Parses a time in ISO 8601, or a period before now such as {@code 24h}; null for null.
     *
     * @throws IllegalArgumentException if the text is neither
     */
    static Instant time(String given) {
        if (given == null) {
            return null;
        }
        Matcher ago = AGO.matcher(given);
        try {
            if (ago.matches()) {
                long count = Long.parseLong(ago.group(1));
                Duration before = switch (ago.group(2)) {
                    case "m" -> Duration.ofMinutes(count);
                    case "h" -> Duration.ofHours(count);
                    default -> Duration.ofDays(count);
                };
                return Instant.now().minus(before).truncatedTo(ChronoUnit.SECONDS);
            }
            return Instant.parse(given);
        } catch (DateTimeException | ArithmeticException e) {
            throw new IllegalArgumentException(
                    "A time must be such as 2026-11-23T05:00:00Z, or 30m, 24h, 7d for so long ago, was " + given, e);
        }
    }

    /** Replaces the control characters of text that clients have chosen, so that it cannot control a terminal. */
    static String printable(String text) {
        return text.replaceAll("\\p{C}", "?");
    }
}
