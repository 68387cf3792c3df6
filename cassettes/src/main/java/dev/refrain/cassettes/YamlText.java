package dev.refrain.cassettes;

import java.util.Locale;

/**
 * Writes the YAML of a recording: names with a text, a number or a list of texts. Jackson's writer is not used, because
 * people read and compare the files, and its folding and quoting cannot be controlled. Used by one thread.
 */
final class YamlText {
    private final StringBuilder out = new StringBuilder();

    /** Writes a comment line. */
    YamlText comment(String text) {
        out.append("# ").append(text).append('\n');
        return this;
    }

    YamlText number(String name, long value) {
        out.append(name).append(": ").append(value).append('\n');
        return this;
    }

    /** Writes a text on one line. */
    YamlText text(String name, String value) {
        out.append(name).append(": ").append(quoted(value)).append('\n');
        return this;
    }

    YamlText list(String name, Iterable<String> values) {
        out.append(name).append(":\n");
        for (String value : values) {
            out.append("  - ").append(quoted(value)).append('\n');
        }
        return this;
    }

    /** Writes a text as a block of lines, or quoted if a block would change it. All line ends of the text are kept. */
    YamlText block(String name, String value) {
        if (value.isEmpty() || !isPlain(value)) {
            return text(name, value);
        }
        // 2 is the indentation. With -, no line end is read at the text's end; with +, all line ends are kept.
        out.append(name).append(": |2").append(value.endsWith("\n") ? "+" : "-").append('\n');
        String lines = value.endsWith("\n") ? value.substring(0, value.length() - 1) : value;
        for (String line : lines.split("\n", -1)) {
            out.append(line.isEmpty() ? "" : "  ").append(line).append('\n');
        }
        return this;
    }

    /** Whether a YAML block may contain the text unescaped (YAML 1.1, 5.1), and only LF ends a line in the text. */
    static boolean isPlain(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean isControl = (c < ' ' && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0);
            boolean isSpecial = c == 0x2028 || c == 0x2029 || c == 0xFEFF || c == 0xFFFE || c == 0xFFFF;
            if (isControl || isSpecial) {
                return false;
            }
            if (Character.isSurrogate(c)) {
                if (!Character.isHighSurrogate(c)
                        || i + 1 == text.length()
                        || !Character.isLowSurrogate(text.charAt(i + 1))) {
                    return false;
                }
                i++;
            }
        }
        return true;
    }

    /** A text in double quotes, in a form that is valid in YAML and JSON. */
    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder(text.length() + 2).append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> quoted.append("\\\"");
                case '\\' -> quoted.append("\\\\");
                case '\n' -> quoted.append("\\n");
                case '\r' -> quoted.append("\\r");
                case '\t' -> quoted.append("\\t");
                default -> {
                    boolean isPrintable =
                            (c >= ' ' && c < 0x7F) || (c >= 0xA0 && c < 0x2028) || (c > 0x2029 && c < 0xD800);
                    if (isPrintable) {
                        quoted.append(c);
                    } else {
                        quoted.append(String.format(Locale.ROOT, "\\u%04X", (int) c));
                    }
                }
            }
        }
        return quoted.append('"').toString();
    }

    @Override
    public String toString() {
        return out.toString();
    }
}
