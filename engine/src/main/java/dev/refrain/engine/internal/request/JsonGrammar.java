package dev.refrain.engine.internal.request;

import dev.refrain.engine.internal.JsonStrings;

/**
 * Validates JSON scalars in UTF-8 strictly by RFC 8259. Each function reads one value that begins at {@code i} and
 * returns the index after it, or {@link #MALFORMED}. None reads at or beyond {@code end}. The caller checks what
 * follows the value.
 */
final class JsonGrammar {
    static final int MALFORMED = -1;

    private JsonGrammar() {}

    /** Whether a byte is white space by RFC 8259, section 2. */
    static boolean isSpace(byte b) {
        return b == ' ' || b == '\n' || b == '\r' || b == '\t';
    }

    /** A string, number or literal. */
    static int scalar(byte[] bytes, int i, int end) {
        if (bytes[i] == '"') {
            return string(bytes, i, end);
        }
        return switch (bytes[i]) {
            case 't' -> literal("true", bytes, i, end);
            case 'f' -> literal("false", bytes, i, end);
            case 'n' -> literal("null", bytes, i, end);
            case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' -> number(bytes, i, end);
            default -> MALFORMED;
        };
    }

    /** A string; {@code i} is at the opening quote. */
    static int string(byte[] bytes, int i, int end) {
        int at = i + 1;
        while (true) {
            at = JsonStrings.skipPlain(bytes, at, end);
            if (at >= end) {
                return MALFORMED;
            }
            byte b = bytes[at];
            if (b == '"') {
                return at + 1;
            } else if (b == '\\') {
                at = escape(bytes, at, end);
            } else if (b < 0) {
                at = nonAscii(bytes, at, end);
            } else if (b < ' ') {
                return MALFORMED;
            } else {
                at++;
            }
            if (at == MALFORMED) {
                return MALFORMED;
            }
        }
    }

    /**
     * An escape sequence; {@code i} is at the backslash. A surrogate need not have its other half (RFC
     * 8259, section 8.2).
     */
    private static int escape(byte[] bytes, int i, int end) {
        if (i + 1 >= end) {
            return MALFORMED;
        }
        if (JsonStrings.isShortEscape(bytes[i + 1])) {
            return i + 2;
        }
        return bytes[i + 1] == 'u' && i <= end - 6 && codeUnit(bytes, i) >= 0 ? i + 6 : MALFORMED;
    }

    /**
     * The code unit of the {@code \}{@code uXXXX} escape that begins at {@code i}; negative if the four are not
     * all hexadecimal digits.
     */
    private static int codeUnit(byte[] bytes, int i) {
        return hex(bytes[i + 2]) << 12 | hex(bytes[i + 3]) << 8 | hex(bytes[i + 4]) << 4 | hex(bytes[i + 5]);
    }

    private static int hex(byte b) {
        return Character.digit(b, 16);
    }

    /**
     * One or more characters of two to four bytes. Only the well-formed sequences in table 3-7 of the
     * Unicode Standard pass.
     */
    private static int nonAscii(byte[] bytes, int i, int end) {
        int at = i;
        do {
            int lead = bytes[at] & 0xff;
            int size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
            if (lead < 0xc2 || lead > 0xf4 || at > end - size) {
                return MALFORMED;
            }
            int second = bytes[at + 1] & 0xff;
            // The range of the second byte excludes overlong forms, surrogates and values over U+10FFFF.
            int lowest = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
            int highest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
            if (second < lowest
                    || second > highest
                    || (size > 2 && !isContinuation(bytes[at + 2]))
                    || (size > 3 && !isContinuation(bytes[at + 3]))) {
                return MALFORMED;
            }
            at += size;
        } while (at < end && bytes[at] < 0);
        return at;
    }

    private static boolean isContinuation(byte b) {
        return (b & 0xc0) == 0x80;
    }

    private static int literal(String literal, byte[] bytes, int i, int end) {
        if (i > end - literal.length()) {
            return MALFORMED;
        }
        for (int n = 1; n < literal.length(); n++) {
            if (bytes[i + n] != literal.charAt(n)) {
                return MALFORMED;
            }
        }
        return i + literal.length();
    }

    private static int number(byte[] bytes, int i, int end) {
        int at = bytes[i] == '-' ? i + 1 : i;
        at = at < end && bytes[at] == '0' ? at + 1 : digits(bytes, at, end);
        if (at != MALFORMED && at < end && bytes[at] == '.') {
            at = digits(bytes, at + 1, end);
        }
        if (at != MALFORMED && at < end && (bytes[at] == 'e' || bytes[at] == 'E')) {
            boolean signed = at + 1 < end && (bytes[at + 1] == '+' || bytes[at + 1] == '-');
            at = digits(bytes, signed ? at + 2 : at + 1, end);
        }
        return at;
    }

    /** One or more digits. */
    private static int digits(byte[] bytes, int i, int end) {
        int at = i;
        while (at < end && bytes[at] >= '0' && bytes[at] <= '9') {
            at++;
        }
        return at == i ? MALFORMED : at;
    }

    /**
     * Whether a well-formed string, with its escapes resolved, equals the given one.
     *
     * @param from index after the opening quote
     * @param to index of the closing quote
     * @param ascii a string of ASCII letters, digits, {@code _} and {@code -}
     */
    static boolean spells(String ascii, byte[] bytes, int from, int to) {
        int at = from;
        for (int n = 0; n < ascii.length(); n++) {
            if (at == to) {
                return false;
            }
            int unit = bytes[at];
            if (unit != '\\') {
                at++;
            } else if (bytes[at + 1] == 'u') {
                unit = codeUnit(bytes, at);
                at += 6;
            } else {
                return false; // No short escape stands for one of these characters.
            }
            if (unit != ascii.charAt(n)) {
                return false;
            }
        }
        return at == to;
    }
}
