package dev.refrain.semantics;

/** Names with {@code *} for any characters. Stateless. */
public final class Wildcards {
    private Wildcards() {}

    /**
     * Whether a pattern stands for a name; case matters. Backtracks to the latest {@code *} only, so the time is
     * bounded by the product of the two lengths: clients choose the names.
     */
    public static boolean matches(String pattern, String name) {
        int p = 0;
        int star = -1;
        int covered = 0;
        for (int n = 0; n < name.length(); ) {
            if (p < pattern.length() && pattern.charAt(p) == '*') {
                star = p++;
                covered = n;
            } else if (p < pattern.length() && pattern.charAt(p) == name.charAt(n)) {
                p++;
                n++;
            } else if (star >= 0) {
                p = star + 1;
                n = ++covered;
            } else {
                return false;
            }
        }
        while (p < pattern.length() && pattern.charAt(p) == '*') {
            p++;
        }
        return p == pattern.length();
    }
}
