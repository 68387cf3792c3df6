package dev.refrain.engine;

import dev.refrain.engine.internal.request.IgnoredMembers;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Rules for what part of a request body goes into the key, and so tells requests apart (wire rules W40 and W84).
 * Immutable and thread-safe; nothing is null.
 *
 * <p>The rules are part of each key, so that changed rules make different keys. Otherwise, once the rules became
 * stricter, a request could get an answer that was stored for another request.
 */
public final class KeyRules {
    /** The whole body goes into the key, except white space between tokens. */
    public static final KeyRules NONE = new KeyRules(List.of(), false);

    /** Top-level members that cannot be ignored. */
    private static final List<String> NEVER = List.of("model", "messages", "input", "stream");

    private static final Pattern PLACE = Pattern.compile("[A-Za-z0-9_-]{1,64}(\\.[A-Za-z0-9_-]{1,64}){0,7}");
    private static final int MOST_PLACES = 64;

    /** Sorted, without duplicates. */
    private final List<String> places;

    private final boolean canonical;
    /** The members that are ignored; null if there are none. */
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
     * These rules, with more members of the body left out of the key. The provider receives them all the same.
     *
     * @param more paths of members, such as {@code user} at the top level, or {@code metadata.user_id} in a nested
     *     object. A path is 1 to 8 names of ASCII letters, digits, {@code _} and {@code -} with dots between. It cannot
     *     lead into a list
     * @throws IllegalArgumentException if a path does not have that form, or begins with {@code model},
     *     {@code messages}, {@code input} or {@code stream}, or if there are more than 64
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
     * and texts do not count. A body has no canonical form if an object has the same name twice, or if a text has half
     * a surrogate pair. Such a body counts as it is.
     */
    public KeyRules canonical() {
        return new KeyRules(places, true);
    }

    /** The paths of the members that are ignored, sorted. */
    public List<String> ignored() {
        return places;
    }

    /** Whether bodies count in their canonical form. */
    public boolean isCanonical() {
        return canonical;
    }

    /** The members that are ignored; null if there are none. */
    IgnoredMembers members() {
        return ignored;
    }

    /** The text that goes into keys; empty for {@link #NONE}. */
    String text() {
        List<String> parts = new ArrayList<>(places);
        if (canonical) {
            // No path has this form.
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

    /** The ignored paths, and whether bodies count in their canonical form. */
    @Override
    public String toString() {
        return text();
    }
}
