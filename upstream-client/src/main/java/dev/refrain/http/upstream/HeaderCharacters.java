package dev.refrain.http.upstream;

/** The characters of header fields and methods (RFC 9110, 5.5 and 5.6.2); each character stands for a byte. */
final class HeaderCharacters {
    private static final String TOKEN_MARKS = "!#$%&'*+-.^_`|~";

    private HeaderCharacters() {}

    static boolean isToken(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean isWord = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
            if (!isWord && TOKEN_MARKS.indexOf(c) < 0) {
                return false;
            }
        }
        return !text.isEmpty();
    }

    /** Whether a text may be a field's value or a reason phrase: no control characters except tabs. */
    static boolean isText(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if ((c < ' ' && c != '\t') || c == 0x7F || c > 0xFF) {
                return false;
            }
        }
        return true;
    }
}
