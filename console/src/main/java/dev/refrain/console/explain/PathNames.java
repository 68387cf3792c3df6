package dev.refrain.console.explain;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Numbers for JSON paths, which many requests share. Bounded: long paths, and new paths once the table is full, share
 * the number of an unknown path. Thread-safe.
 */
final class PathNames {
    private static final int MOST = 1 << 16;
    static final int LONGEST = 300;
    private static final long MAX_BYTES =
            Math.min(8L << 20, Runtime.getRuntime().maxMemory() / 128);
    /** Estimated bytes of an entry without the characters of its path, which take up to two bytes each. */
    private static final int OWN_BYTES = 128;

    private static final int UNNAMED = 0;

    private final Map<String, Integer> numbers = new HashMap<>();
    private final List<String> names = new ArrayList<>(List.of("(a path that is not kept)"));
    private long bytes;

    synchronized int number(String path) {
        if (path.length() > LONGEST) {
            return UNNAMED;
        }
        Integer number = numbers.get(path);
        if (number == null) {
            int more = OWN_BYTES + 2 * path.length();
            if (names.size() == MOST || bytes + more > MAX_BYTES) {
                return UNNAMED;
            }
            bytes += more;
            number = names.size();
            numbers.put(path, number);
            names.add(path);
        }
        return number;
    }

    synchronized String of(int number) {
        return names.get(number);
    }
}
