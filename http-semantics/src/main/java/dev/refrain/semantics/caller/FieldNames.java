package dev.refrain.semantics.caller;

import dev.refrain.semantics.Wildcards;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Names of header fields as a user writes them, separated by commas: {@code x-tenant, *-session}. Case does not matter;
 * {@code *} stands for any characters, {@code none} for the empty list. Immutable and thread-safe; nothing is null.
 *
 * @param names in lower case, in the order given, each once
 */
public record FieldNames(List<String> names) {
    private static final String NONE = "none";
    /** RFC 9110, 5.1. */
    private static final Pattern NAME = Pattern.compile("[!#$%&'*+.^_`|~0-9a-z-]+");

    /** @throws IllegalArgumentException if a name is not a field name */
    public FieldNames {
        for (String name : names) {
            if (!NAME.matcher(name).matches() || name.equals("*")) {
                throw new IllegalArgumentException("not a field name: " + name);
            }
        }
        names = List.copyOf(names);
    }

    /**
     * Reads names.
     *
     * @throws IllegalArgumentException if a name is not a field name
     */
    public static FieldNames parse(String text) {
        String lower = text.strip().toLowerCase(Locale.ROOT);
        if (lower.equals(NONE)) {
            return new FieldNames(List.of());
        }
        Set<String> names = new LinkedHashSet<>(Arrays.asList(lower.split("\\s*,\\s*", -1)));
        return new FieldNames(List.copyOf(names));
    }

    /** Whether one of the names or patterns matches a name, which is given in lower case. */
    public boolean contains(String name) {
        for (String each : names) {
            if (Wildcards.matches(each, name)) {
                return true;
            }
        }
        return false;
    }

    /** Whether any of the names contains a {@code *}. */
    public boolean hasPatterns() {
        return names.stream().anyMatch(name -> name.indexOf('*') >= 0);
    }

    /** The names in the form that {@link #parse} reads. */
    @Override
    public String toString() {
        return names.isEmpty() ? NONE : String.join(", ", names);
    }
}
