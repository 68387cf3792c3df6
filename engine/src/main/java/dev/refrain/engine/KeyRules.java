package dev.refrain.engine;

import dev.refrain.engine.internal.request.IgnoredMembers;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * What of the bodies of requests makes two of them different (wire rules W40 and W84). Immutable and thread-safe;
 * nothing is null.
 *
 * <p>The rules are a part of each key: under other rules other answers are found, so that no request gets an answer
 * that was stored for one from which it differs by the present rules.
 */
public final class KeyRules {
    /** All of the body counts, but for white space between tokens. */
    public static final KeyRules NONE = new KeyRules(List.of(), false);

    /** What a place begins with that cannot be ignored. */
    private static final List<String> NEVER = List.of("model", "messages", "input", "stream");

    private static final Pattern PLACE = Pattern.compile("[A-Za-z0-9_-]{1,64}(\\.[A-Za-z0-9_-]{1,64}){0,7}");
    private static final int MOST_PLACES = 64;

    /** Sorted, each once. */
    private final List<String> places;

    private final boolean canonical;
    /** Null if none is ignored. */
    private final IgnoredMembers ignored;

    private KeyRules(List<String> places, boolean canonical) {
        this.places = places;
        this.canonical = canonical;
        this.ignored = places.isEmpty()
                ? null
                : new IgnoredMembers(places.stream()
                        .map(place -> List.of(place.split("\\.", -1)))
                        .toList());
    }

    /**
     * These rules, with members of the body that are no part of the key. They reach the provider all the same.
     *
     * @param more names of members of the object at the top, such as {@code user}, or of objects within it, with dots
     *     between, such as {@code metadata.user_id}: 1 to 8 names of ASCII letters, digits, {@code _} and {@code -}. No
     *     place is within a list
     * @throws IllegalArgumentException if one is not that, or begins with {@code model}, {@code messages},
     *     {@code input} or {@code stream}, or there are more than 64
     */
    public KeyRules ignoring(List<String> more) {
        TreeSet<String> all = new TreeSet<>(places);
        for (String place : more) {
            if (!PLACE.matcher(place).matches()) {
                throw new IllegalArgumentException("not the place of a member: " + place);
            }
            if (NEVER.contains(place.split("\\.", -1)[0])) {
                throw new IllegalArgumentException("always a part of the key: " + place);
            }
            all.add(place);
        }
        if (all.size() > MOST_PLACES) {
            throw new IllegalArgumentException("more than " + MOST_PLACES + " places");
        }
        return new KeyRules(List.copyOf(all), canonical);
    }

    /**
     * These rules, with bodies in their canonical form (RFC 8785): the order of properties and the spelling of numbers
     * and texts do not count. Bodies that have none, because a name comes twice in an object or a text has half a
     * surrogate pair, count as they are.
     */
    public KeyRules canonical() {
        return new KeyRules(places, true);
    }

    /** The places that are ignored, in their order. */
    public List<String> ignored() {
        return places;
    }

    /** Whether bodies count in their canonical form. */
    public boolean isCanonical() {
        return canonical;
    }

    /** Null if none is ignored. */
    IgnoredMembers members() {
        return ignored;
    }

    /** What goes into keys; empty if these are the usual rules. */
    String text() {
        List<String> parts = new ArrayList<>(places);
        if (canonical) {
            // No place has such a name.
            parts.add("(RFC 8785)");
        }
        return String.join(",", parts);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KeyRules that && places.equals(that.places) && canonical == that.canonical;
    }

    @Override
    public int hashCode() {
        return Objects.hash(places, canonical);
    }

    /** The places, and whether bodies are canonical. */
    @Override
    public String toString() {
        return text();
    }
}
