package dev.refrain.engine.internal.template;

import java.util.Arrays;
import java.util.List;

/**
 * The JSON paths, besides {@code usage}, whose numbers are zero in a hit (wire rule W25). A path is a list of names
 * with dots between. {@code *} matches any number of names, including none. Items of a list have the list's path. A
 * path starts at the top of a document, of an event's data, or of the answer inside an event.
 *
 * <p>The state of the matching is a set of positions in all paths, one bit each. Immutable.
 */
public final class ZeroPaths {
    /** The default paths. */
    public static final List<String> DEFAULTS = List.of("x_groq.usage", "copilot_usage", "*.provider_metadata.*.usage");

    /** No path at all. */
    static final ZeroPaths NONE = new ZeroPaths(List.of());

    private static final String ANY = "*";

    /** The names of all paths, one path after another, each with a null at its end. */
    private final String[] names;

    private final long start;
    private final long ends;
    private final boolean keepsIds;

    /**
     * Parses paths.
     *
     * @throws IllegalArgumentException if a path has an empty name, if a path consists only of {@code *}, or if all
     *     paths together have too many names: the number of names plus the number of paths is at most 64. The
     *     message says which
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
                        "a path must be names joined by dots, such as x_groq.usage or *.provider_metadata.*.usage, "
                                + "was \""
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
        keepsIds = false;
    }

    private ZeroPaths(ZeroPaths paths) {
        names = paths.names;
        ends = paths.ends;
        start = paths.start;
        keepsIds = true;
    }

    /** The same paths, for hits that keep the ids of their answers (wire rule W40). */
    public ZeroPaths keepingIds() {
        return new ZeroPaths(this);
    }

    /** Whether hits keep the ids of their answers. */
    boolean keepsIds() {
        return keepsIds;
    }

    /** The state at the top of a document. */
    long start() {
        return start;
    }

    /** Whether numbers at this state, and nested in it, become zero. */
    boolean reached(long positions) {
        return (positions & ends) != 0;
    }

    /** The state of a member with this name; 0 if no path matches. */
    long step(long positions, String name) {
        // Values nested in a match match as well.
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

    /** The positions, and those after an asterisk at one of them, because the asterisk may match no name. */
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
