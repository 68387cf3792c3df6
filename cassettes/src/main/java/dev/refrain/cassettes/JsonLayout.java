package dev.refrain.cassettes;

/**
 * Lays JSON out in lines, and undoes that. Only white space between tokens changes, so compact JSON comes back byte for
 * byte. Jackson, which would change the spelling of some numbers and texts, is not used. Stateless, and for well-formed
 * JSON only.
 */
final class JsonLayout {
    /** Levels deeper than this are not indented further, since a small document could become a huge one. */
    private static final int MOST_LEVELS = 24;

    /** Up to this many characters, a layout may exceed its document by any factor. */
    private static final int LONG = 1 << 20;

    /**
     * A longer layout that exceeds its document by more than this factor is given up: the document has deep, almost
     * empty levels.
     */
    private static final int MOST_TIMES = 4;

    private JsonLayout() {}

    /**
     * Puts each member and each item on its own line, but a whole list of numbers on one line. Returns the JSON
     * unchanged if the layout would be too long.
     */
    static String pretty(String json) {
        StringBuilder out = new StringBuilder(json.length() * 5 / 4);
        int level = 0;
        for (int i = 0; i < json.length(); i++) {
            char c = json.charAt(i);
            if (out.length() > LONG && out.length() / MOST_TIMES > json.length()) {
                return json;
            }
            switch (c) {
                case '"' -> {
                    int end = endOfString(json, i);
                    out.append(json, i, end);
                    i = end - 1;
                }
                case '{', '[' -> {
                    int close = c == '[' ? endOfNumbers(json, i + 1) : endOfBlank(json, i + 1);
                    if (close >= 0) {
                        out.append(compact(json.substring(i, close + 1)).replace(",", ", "));
                        i = close;
                    } else {
                        out.append(c);
                        newLine(out, ++level);
                    }
                }
                case '}', ']' -> {
                    newLine(out, --level);
                    out.append(c);
                }
                case ',' -> {
                    out.append(c);
                    newLine(out, level);
                }
                case ':' -> out.append(": ");
                case ' ', '\t', '\r', '\n' -> {}
                default -> out.append(c);
            }
        }
        return out.toString();
    }

    /** Removes white space between tokens. */
    static String compact(String json) {
        StringBuilder out = new StringBuilder(json.length());
        for (int i = 0; i < json.length(); i++) {
            char c = json.charAt(i);
            if (c == '"') {
                int end = endOfString(json, i);
                out.append(json, i, end);
                i = end - 1;
            } else if (!isBlank(c)) {
                out.append(c);
            }
        }
        return out.toString();
    }

    /** The position behind the quote that ends the string. */
    static int endOfString(String json, int quote) {
        int i = quote + 1;
        while (i < json.length() && json.charAt(i) != '"') {
            i += json.charAt(i) == '\\' ? 2 : 1;
        }
        return Math.min(json.length(), i + 1);
    }

    private static void newLine(StringBuilder out, int level) {
        out.append('\n').append("  ".repeat(Math.max(0, Math.min(level, MOST_LEVELS))));
    }

    /** The position of the list's end, if the list contains neither texts nor lists nor objects; else -1. */
    private static int endOfNumbers(String json, int from) {
        for (int i = from; i < json.length(); i++) {
            switch (json.charAt(i)) {
                case ']' -> {
                    return i;
                }
                case '"', '[', '{' -> {
                    return -1;
                }
                default -> {}
            }
        }
        return -1;
    }

    /** The position of the object's end, if the object is empty; else -1. */
    private static int endOfBlank(String json, int from) {
        int i = from;
        while (i < json.length() && isBlank(json.charAt(i))) {
            i++;
        }
        return i < json.length() && json.charAt(i) == '}' ? i : -1;
    }

    private static boolean isBlank(char c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
    }
}
