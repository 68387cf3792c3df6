package dev.refrain.engine.internal.template;

import java.util.Arrays;
import java.util.List;

/**
 * The places beside {@code usage} whose numbers a hit has at zero (wire rule W25): JSON paths of names with dots between. {@code *}
 * stands for any names in a row, also for none; the items of a list stand where the list does. A path begins at the top of a document or
 * of an event's data, or at the answer that the event wraps.
 *
 * <p>A set of positions in the paths, one bit each, says how far the names above a value have come in each of them. Immutable.
 */
public final class ZeroPaths {
    /** What is set unless it is set otherwise. */
    public static final List<String> DEFAULTS = List.of("x_groq.usage", "copilot_usage", "*.provider_metadata.*.usage");

    /** No path at all. */
    static final ZeroPaths NONE = new ZeroPaths(List.of());

    private static final String ANY = "*";

    /** Each path's names, and null behind its last one. */
    private final String[] names;

    private final long start;
    private final long ends;

    /**
     * Paths as they are written.
     *
     * @throws IllegalArgumentException if one has an empty name, if one is nothing but {@code *}, or if all of them together have more
     *     than 64 names, counting one more for each path; the message says which
     */
    public ZeroPaths(List<String> paths) {
        String[] all = new String[Long.SIZE];
        int length = 0;
        long first = 0;
        long last = 0;
        for (String path : paths) {
            String[] parts = path.split("\\.", -1);
            if (path.matches("[*.]*") || List.of(parts).contains("")) {
                throw new IllegalArgumentException(
                        "a path is names with dots between, such as x_groq.usage or *.provider_metadata.*.usage, not \""
                                + path + "\"");
            }
            if (length + parts.length >= Long.SIZE) {
                throw new IllegalArgumentException("too many names in all paths together, from \"" + path + "\" on");
            }
            first |= 1L << length;
            System.arraycopy(parts, 0, all, length, parts.length);
            length += parts.length;
            last |= 1L << length;
            length++;
        }
        names = Arrays.copyOf(all, length);
        ends = last;
        start = skipped(first);
    }

    /** The positions at the top. */
    long start() {
        return start;
    }

    /** Whether numbers at these positions, and below, become zero. */
    boolean reached(long positions) {
        return (positions & ends) != 0;
    }

    /** The positions of a value of this name under these positions; 0 if no path leads there. */
    long step(long positions, String name) {
        // What stands below a place stands at it.
        long next = positions & ends;
        for (long rest = positions & ~ends; rest != 0; rest &= rest - 1) {
            int at = Long.numberOfTrailingZeros(rest);
            if (names[at].equals(ANY)) {
                next |= 1L << at;
            } else if (names[at].equals(name)) {
                next |= 1L << (at + 1);
            }
        }
        return next == 0 ? 0 : skipped(next);
    }

    /** What an asterisk stands for may be nothing. */
    private long skipped(long positions) {
        long all = positions;
        for (long rest = positions & ~ends; rest != 0; rest &= rest - 1) {
            int at = Long.numberOfTrailingZeros(rest);
            while (ANY.equals(names[at])) {
                at++;
                all |= 1L << at;
            }
        }
        return all;
    }
}
