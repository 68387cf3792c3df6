package dev.refrain.semantics.key;

import dev.refrain.engine.KeyRules;
import dev.refrain.engine.exchange.Endpoint;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** What of bodies counts, as a user writes it (wire rules W40 and W84). Stateless. */
public final class KeyPlaces {
    /** What of two bodies may differ. */
    public enum Normalization {
        /** White space between tokens (W11). */
        WHITESPACE,
        /** All that RFC 8785 has one form for (W40). */
        CANONICAL
    }

    private KeyPlaces() {}

    /**
     * The rules for each endpoint.
     *
     * @param ignored places of members, see {@link KeyRules#ignoring}; for one endpoint with its id and a colon before
     * @throws IllegalArgumentException if one is none, or has an endpoint that there is not
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
