package dev.refrain.semantics.forward;

import java.util.HexFormat;

/**
 * Escapes the characters in a path and query that RFC 3986 does not allow, since servers may refuse them or end the
 * target at them. Clients do send such characters: {@code fetch} does not escape braces and bars in queries. Stateless.
 */
public final class UriCharacters {
    private static final String ESCAPED = "\"<>\\^`{|} ";

    private static final HexFormat HEX = HexFormat.of().withUpperCase();

    private UriCharacters() {}

    /** Escapes a path and query. Returns the same string if every character is allowed, as in most requests. */
    public static String escape(String pathAndQuery) {
        int query = pathAndQuery.indexOf('?');
        StringBuilder escaped = null;
        for (int i = 0; i < pathAndQuery.length(); i++) {
            char c = pathAndQuery.charAt(i);
            boolean inPath = query < 0 || i < query;
            if (isAllowed(pathAndQuery, i, c, inPath)) {
                if (escaped != null) {
                    escaped.append(c);
                }
                continue;
            }
            if (escaped == null) {
                escaped = new StringBuilder(pathAndQuery.length() + 16).append(pathAndQuery, 0, i);
            }
            // Each character is one byte of the request line.
            escaped.append('%').append(HEX.toHexDigits((byte) c));
        }
        return escaped == null ? pathAndQuery : escaped.toString();
    }

    private static boolean isAllowed(String text, int at, char c, boolean inPath) {
        if (c == '%') {
            return at + 2 < text.length()
                    && HexFormat.isHexDigit(text.charAt(at + 1))
                    && HexFormat.isHexDigit(text.charAt(at + 2));
        }
        return c > ' ' && c < 0x7F && ESCAPED.indexOf(c) < 0 && !(inPath && (c == '[' || c == ']'));
    }
}
