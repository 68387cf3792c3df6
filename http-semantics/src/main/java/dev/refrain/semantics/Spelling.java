package dev.refrain.semantics;

import java.util.Locale;
import java.util.Optional;

/** Finds the probable name behind a misspelling. Stateless. */
public final class Spelling {
    private Spelling() {}

    /**
     * The first of the names that is nearly the given one. Apart from case and separators between words, the two differ
     * in at most one letter, which is replaced, added, missing, or swapped with its neighbour. Empty if there is none.
     */
    public static Optional<String> meant(String given, Iterable<String> names) {
        for (String name : names) {
            if (isNear(plain(given), plain(name))) {
                return Optional.of(name);
            }
        }
        return Optional.empty();
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replaceAll("[-_. ]", "");
    }

    private static boolean isNear(String a, String b) {
        int least = Math.min(a.length(), b.length());
        int same = 0;
        while (same < least && a.charAt(same) == b.charAt(same)) {
            same++;
        }
        String restA = a.substring(same);
        String restB = b.substring(same);
        if (restA.isEmpty() || restB.isEmpty()) {
            return restA.length() + restB.length() <= 1;
        }
        boolean swapped = restA.length() > 1
                && restB.length() > 1
                && restA.charAt(0) == restB.charAt(1)
                && restA.charAt(1) == restB.charAt(0)
                && restA.substring(2).equals(restB.substring(2));
        return swapped
                || restA.substring(1).equals(restB.substring(1))
                || restA.substring(1).equals(restB)
                || restA.equals(restB.substring(1));
    }
}
