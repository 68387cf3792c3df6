package dev.refrain.http.upstream;

/** What header fields and methods are made of (RFC 9110, 5.5 and 5.6.2); each character is a byte. */
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

    /** Whether it may be a field's value, or a reason phrase: no control characters but tabs. */
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
