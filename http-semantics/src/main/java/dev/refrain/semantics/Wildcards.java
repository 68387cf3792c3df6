package dev.refrain.semantics;

/** Patterns in which {@code *} stands for any characters, or none. Stateless. */
public final class Wildcards {
    private Wildcards() {}

    /**
     * Whether a pattern matches a whole name; case matters. Clients choose the names, so the time is bounded: the
     * search backtracks to the latest {@code *} only. Its steps are at most the product of the two lengths.
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
