package dev.refrain.semantics.key;

import dev.refrain.engine.KeyRules;
import dev.refrain.engine.exchange.Endpoint;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Parses the settings that say which parts of a body count for its key (wire rules W40 and W84). Stateless. */
public final class KeyPlaces {
    /** Differences between two bodies that do not change the key. */
    public enum Normalization {
        /** White space between tokens (W11). */
        WHITESPACE,
        /** All differences that the canonical form of RFC 8785 removes (W40). */
        CANONICAL
    }

    private KeyPlaces() {}

    /**
     * The rules for each endpoint.
     *
     * @param ignored places of members, see {@link KeyRules#ignoring}; a place that applies to a single endpoint begins
     *     with that endpoint's id and a colon
     * @throws IllegalArgumentException if a text is not a place, or names an unknown endpoint
     */
    public static Map<Endpoint, KeyRules> parse(List<String> ignored, Normalization normalization) {
        Map<Endpoint, KeyRules> rules = new EnumMap<>(Endpoint.class);
        for (Endpoint endpoint : Endpoint.values()) {
            rules.put(endpoint, normalization == Normalization.CANONICAL ? KeyRules.NONE.canonical() : KeyRules.NONE);
        }
        for (String place : ignored) {
            int colon = place.indexOf(':');
            boolean known = false;
            for (Endpoint endpoint : Endpoint.values()) {
                if (colon < 0 || endpoint.id().equals(place.substring(0, colon))) {
                    List<String> member = List.of(place.substring(colon + 1));
                    rules.computeIfPresent(endpoint, (same, before) -> before.ignoring(member));
                    known = true;
                }
            }
            if (!known) {
                throw new IllegalArgumentException("no endpoint: " + place);
            }
        }
        return rules;
    }
}
