package dev.refrain.semantics.framing;

import java.util.HashSet;
import java.util.Locale;
import java.util.Set;

/** Parses the field {@code Connection} (RFC 9110, 7.6.1). Stateless. */
public final class ConnectionOptions {
    private ConnectionOptions() {}

    /**
     * The options of a connection, in lower case.
     *
     * @param lines the field's lines, or null if there are none
     */
    public static Set<String> of(Iterable<String> lines) {
        if (lines == null) {
            return Set.of();
        }
        Set<String> names = new HashSet<>();
        for (String line : lines) {
            for (String name : line.split(",", -1)) {
                names.add(name.trim().toLowerCase(Locale.ROOT));
            }
        }
        return names;
    }
}
