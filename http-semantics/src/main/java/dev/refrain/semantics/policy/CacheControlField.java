package dev.refrain.semantics.policy;

import dev.refrain.engine.CacheDirectives;
import java.util.List;
import java.util.Locale;

/**
 * Reads the request directives of {@code Cache-Control} (RFC 9111, 5.2; RFC 5861, 4). The field is a list (RFC 9110,
 * 5.6.1) that may be spread over several lines: {@code token [ "=" ( token / quoted-string ) ]}, separated by commas.
 *
 * <p>Unknown directives are skipped, and so are directives with an invalid number of seconds. If a directive occurs
 * several times, the first counts (RFC 9111, 4.2.1). Stateless.
 */
final class CacheControlField {
    private static final long UNSET = -1;
    /** Larger numbers are read as this one (RFC 9111, 1.2.2). */
    private static final long MAX_SECONDS = Integer.MAX_VALUE;

    private final String line;
    private int at;

    private CacheControlField(String line) {
        this.line = line;
    }

    /** @param lines values of all lines of the field, in their order; null for none */
    static CacheDirectives parse(List<String> lines) {
        if (lines == null || lines.isEmpty()) {
            return CacheDirectives.NONE;
        }
        Found found = new Found();
        for (String line : lines) {
            new CacheControlField(line).readInto(found);
        }
        return found.directives();
    }

    private static final class Found {
        private boolean noCache;
        private boolean noStore;
        private boolean onlyIfCached;
        private long maxAge = UNSET;
        private long staleIfError = UNSET;

        void add(String name, String argument) {
            switch (name) {
                case "no-cache" -> noCache = true;
                case "no-store" -> noStore = true;
                case "only-if-cached" -> onlyIfCached = true;
                case "max-age" -> maxAge = maxAge == UNSET ? seconds(argument) : maxAge;
                case "stale-if-error" -> staleIfError = staleIfError == UNSET ? seconds(argument) : staleIfError;
                default -> {}
            }
        }

        private static long seconds(String argument) {
            long number = UNSET;
            for (int i = 0; i < argument.length(); i++) {
                char digit = argument.charAt(i);
                if (digit < '0' || digit > '9') {
                    return UNSET;
                }
                number = Math.min(Math.max(number, 0) * 10 + digit - '0', MAX_SECONDS);
            }
            return number;
        }

        CacheDirectives directives() {
            return new CacheDirectives(
                    noCache,
                    noStore,
                    maxAge == UNSET ? CacheDirectives.ANY_AGE : maxAge,
                    onlyIfCached,
                    Math.max(staleIfError, 0));
        }
    }

    private void readInto(Found found) {
        while (at < line.length()) {
            String name = upTo('=').toLowerCase(Locale.ROOT);
            String argument = "";
            if (at < line.length() && line.charAt(at) == '=') {
                at++;
                skipWhiteSpace();
                argument = at < line.length() && line.charAt(at) == '"' ? quoted() : upTo(',');
            }
            // Text after a quoted string does not belong to the directive.
            upTo(',');
            at++;
            found.add(name, argument);
        }
    }

    /** The text before the next comma or the given character, without surrounding white space. */
    private String upTo(char end) {
        int from = at;
        while (at < line.length() && line.charAt(at) != end && line.charAt(at) != ',') {
            at++;
        }
        return line.substring(from, at).strip();
    }

    /** A quoted string (RFC 9110, 5.6.4). A string that is not closed extends to the end of the line. */
    private String quoted() {
        StringBuilder text = new StringBuilder();
        at++;
        while (at < line.length() && line.charAt(at) != '"') {
            if (line.charAt(at) == '\\' && at + 1 < line.length()) {
                at++;
            }
            text.append(line.charAt(at++));
        }
        at = Math.min(at + 1, line.length());
        return text.toString();
    }

    private void skipWhiteSpace() {
        while (at < line.length() && (line.charAt(at) == ' ' || line.charAt(at) == '\t')) {
            at++;
        }
    }
}
