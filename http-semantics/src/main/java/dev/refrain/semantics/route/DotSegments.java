package dev.refrain.semantics.route;

import java.util.HexFormat;

/**
 * Finds path segments that some server on the way may take for {@code .} or {@code ..}. A server that resolves them
 * would serve another path than the one that was checked here, such as a provider's API for managing keys. Stateless.
 *
 * <p>Besides the plain segments, it finds dots that are percent-encoded ({@code %2e%2e}), encoded repeatedly
 * ({@code %252e}) or in overlong UTF-8 ({@code %c0%ae}). It also finds segments that end in an encoded slash or
 * backslash ({@code ..%2f}, {@code ..%5c}), have parameters, which Java's servers drop ({@code ..;x}), or have blanks
 * or control characters around them.
 */
public final class DotSegments {
    /** At most this many rounds of decoding; no honest client encodes a path more often. */
    private static final int MOST_PASSES = 5;

    private DotSegments() {}

    /** Whether the path has such a segment, or is encoded too often to tell. */
    public static boolean in(String rawPath) {
        if (rawPath.indexOf('.') < 0 && rawPath.indexOf('%') < 0) {
            return false;
        }
        String path = rawPath;
        for (int pass = 0; pass < MOST_PASSES; pass++) {
            String decoded = decode(path);
            if (decoded.equals(path)) {
                return isDotted(decoded);
            }
            path = decoded;
        }
        return true;
    }

    private static boolean isDotted(String path) {
        for (String segment : path.split("[/\\\\?#]", -1)) {
            int parameters = segment.indexOf(';');
            String name = (parameters < 0 ? segment : segment.substring(0, parameters)).trim();
            if (name.equals(".") || name.equals("..")) {
                return true;
            }
        }
        return false;
    }

    /** Decodes once; each byte becomes one character. */
    private static String decode(String path) {
        if (path.indexOf('%') < 0) {
            return path;
        }
        StringBuilder decoded = new StringBuilder(path.length());
        for (int i = 0; i < path.length(); i++) {
            char c = path.charAt(i);
            if (c == '%'
                    && i + 2 < path.length()
                    && HexFormat.isHexDigit(path.charAt(i + 1))
                    && HexFormat.isHexDigit(path.charAt(i + 2))) {
                decoded.append((char) HexFormat.fromHexDigits(path, i + 1, i + 3));
                i += 2;
            } else {
                decoded.append(c);
            }
        }
        return decoded.toString()
                .replace("\u00c0\u00ae", ".")
                .replace("\u00c0\u00af", "/")
                .replace("\u00c1\u009c", "\\");
    }
}
