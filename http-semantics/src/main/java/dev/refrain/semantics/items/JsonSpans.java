package dev.refrain.semantics.items;

/**
 * Finds the positions of the parts of a JSON document without parsing their contents: the thousands of numbers of a
 * vector do not matter here. It does not detect every malformed document, so callers must know by other means that the
 * document is well-formed, or check it before they store it. Stateless.
 */
final class JsonSpans {
    /** Result of a walk over a document that does not have the expected form. */
    static final int NONE = -1;

    private JsonSpans() {}

    /** Receives one member of an object. */
    interface Member {
        /** Receives the positions of the name, without its quotes, and of the value. Returning false ends the walk. */
        boolean at(int nameFrom, int nameTo, int from, int to);
    }

    /** Receives one element of a list. */
    interface Element {
        /** Receives the positions of the element. Returning false ends the walk. */
        boolean at(int from, int to);
    }

    /** The position after white space. */
    static int space(byte[] json, int at, int end) {
        int i = at;
        while (i < end && (json[i] == ' ' || json[i] == '\n' || json[i] == '\r' || json[i] == '\t')) {
            i++;
        }
        return i;
    }

    /** Walks over an object. Returns the position after it, or {@link #NONE}. */
    static int members(byte[] json, int at, int end, Member visitor) {
        if (at >= end || json[at] != '{') {
            return NONE;
        }
        int i = space(json, at + 1, end);
        if (i < end && json[i] == '}') {
            return i + 1;
        }
        while (i < end && json[i] == '"') {
            int name = i + 1;
            i = string(json, i, end);
            int nameTo = i - 1;
            i = i < 0 ? NONE : space(json, i, end);
            if (i < 0 || i >= end || json[i] != ':') {
                return NONE;
            }
            int from = space(json, i + 1, end);
            int to = value(json, from, end);
            if (to < 0 || !visitor.at(name, nameTo, from, to)) {
                return NONE;
            }
            i = space(json, to, end);
            if (i < end && json[i] == '}') {
                return i + 1;
            }
            if (i >= end || json[i] != ',') {
                return NONE;
            }
            i = space(json, i + 1, end);
        }
        return NONE;
    }

    /** Walks over a list. Returns the position after it, or {@link #NONE}. */
    static int elements(byte[] json, int at, int end, Element visitor) {
        if (at >= end || json[at] != '[') {
            return NONE;
        }
        int i = space(json, at + 1, end);
        if (i < end && json[i] == ']') {
            return i + 1;
        }
        while (i < end) {
            int to = value(json, i, end);
            if (to < 0 || !visitor.at(i, to)) {
                return NONE;
            }
            i = space(json, to, end);
            if (i < end && json[i] == ']') {
                return i + 1;
            }
            if (i >= end || json[i] != ',') {
                return NONE;
            }
            i = space(json, i + 1, end);
        }
        return NONE;
    }

    /** The position after a value, or {@link #NONE}. */
    static int value(byte[] json, int at, int end) {
        if (at >= end) {
            return NONE;
        }
        byte first = json[at];
        if (first == '"') {
            return string(json, at, end);
        } else if (first == '{' || first == '[') {
            return nested(json, at, end);
        }
        int i = at;
        while (i < end && !isDelimiter(json[i])) {
            i++;
        }
        return i == at ? NONE : i;
    }

    private static boolean isDelimiter(byte c) {
        return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\n' || c == '\r' || c == '\t';
    }

    private static int nested(byte[] json, int at, int end) {
        int depth = 0;
        int i = at;
        while (i < end) {
            byte c = json[i];
            if (c == '"') {
                i = string(json, i, end);
                if (i < 0) {
                    return NONE;
                }
                continue;
            } else if (c == '{' || c == '[') {
                depth++;
            } else if (c == '}' || c == ']') {
                depth--;
            }
            i++;
            if (depth == 0) {
                return i;
            }
        }
        return NONE;
    }

    private static int string(byte[] json, int at, int end) {
        for (int i = at + 1; i < end; i++) {
            if (json[i] == '\\') {
                i++;
            } else if (json[i] == '"') {
                return i + 1;
            }
        }
        return NONE;
    }

    /** Whether the bytes are those of an ASCII text. */
    static boolean is(byte[] json, int from, int to, String text) {
        if (to - from != text.length()) {
            return false;
        }
        for (int i = from; i < to; i++) {
            if (json[i] != text.charAt(i - from)) {
                return false;
            }
        }
        return true;
    }
}
