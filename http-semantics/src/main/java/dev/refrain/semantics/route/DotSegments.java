package dev.refrain.semantics.route;

import java.util.HexFormat;

/**
 * Finds path segments that some server on the way may take for {@code .} or {@code ..}. A server that resolves them
 * would serve another path than the one that was checked here, such as a provider's API for keys. Stateless.
 *
 * <p>Found besides the plain ones: percent-encoded ones ({@code %2e%2e}), also several times over ({@code %252e}) and
 * in UTF-8 of two bytes ({@code %c0%ae}); slashes that are encoded or lean the other way ({@code ..%2f},
 * {@code ..%5c}); parameters behind them, which Java's servers drop ({@code ..;x}); and blanks or control characters
 * around them.
 */
public final class DotSegments {
    /** No honest client encodes more often. */
    private static final int MOST_PASSES = 5;

    private DotSegments() {}

    /** Whether there are any, or the path is encoded too often to tell. */
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

    /** Once; each byte becomes one character. */
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
