package dev.refrain.semantics.policy;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.Wildcards;
import java.time.Duration;
import java.util.Objects;

/**
 * What an operator says of some requests (wire rule W81). Of a list of policies the first one that matches a request
 * holds for it, and no other. Immutable and thread-safe.
 *
 * @param name for explanations and the log; never null
 * @param match which requests; never null
 * @param cache takes the place of {@link CacheDefaults#on}; null to leave that
 * @param ttl takes the place of {@link CacheDefaults#ttl}; null to leave that
 * @param maxTtl takes the place of {@link CacheDefaults#maxTtl}; null to leave that
 * @param mode never null
 * @param maxTemperature requests with a higher temperature are not cached; null for no limit. A request that says none
 *     has {@link RequestTraits#USUAL_TEMPERATURE}
 * @param tools whether requests that offer tools are cached
 * @param maxTurns requests with more messages of the user are not cached; null for no limit
 */
public record Policy(
        String name,
        Match match,
        Caching cache,
        Duration ttl,
        Duration maxTtl,
        Mode mode,
        Double maxTemperature,
        boolean tools,
        Integer maxTurns) {

    private static final String ANY_MODEL = "*";

    /** Whether requests are cached. */
    public enum Caching {
        /** Unless they say {@code X-OpenRouter-Cache: false}. */
        ON,
        /** Only those that say {@code X-OpenRouter-Cache: true}, or name a preset that turns caching on. */
        OFF,
        /** None, whatever header and preset say, and nothing that stands in them is kept anywhere. */
        NEVER
    }

    /** What the store may do for requests that are cached. */
    public enum Mode {
        /** Answer them, and take their answers. */
        READ_WRITE,
        /** Answer them; what is fetched is not stored. */
        READ_ONLY,
        /** Take their answers; each request is forwarded. */
        WRITE_ONLY
    }

    /**
     * Which requests a policy is for: those for which everything holds that is not null.
     *
     * @param label configured name of the API key
     * @param model name of the model that is asked for, with {@code *} for any characters
     * @param endpoint the endpoint
     * @param preset slug of the preset that the request names, whether or not it is known here
     */
    public record Match(String label, String model, Endpoint endpoint, String preset) {
        /** All requests. */
        public static final Match ALL = new Match(null, null, null, null);

        /** Whether the body has a part in it. */
        boolean needsBody() {
            return model != null || preset != null;
        }

        private boolean covers(Endpoint ofRequest, String callersLabel, String presetSlug) {
            return (endpoint == null || endpoint == ofRequest)
                    && (label == null || label.equals(callersLabel))
                    && (preset == null || preset.equals(presetSlug));
        }

        private boolean coversModel(String name) {
            return model == null || Wildcards.matches(model, name == null ? "" : name);
        }
    }

    /**
     * Checks what can be checked of a policy alone.
     *
     * @throws IllegalArgumentException if a lifetime or a number is out of range
     */
    public Policy {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(match, "match");
        Objects.requireNonNull(mode, "mode");
        if (ttl != null) {
            CacheControls.on(ttl);
        }
        if (maxTtl != null) {
            CacheControls.on(maxTtl);
        }
        if (ttl != null && maxTtl != null && ttl.compareTo(maxTtl) > 0) {
            throw new IllegalArgumentException("ttl must be at most max-ttl");
        }
        if (maxTemperature != null && !(maxTemperature >= 0)) {
            throw new IllegalArgumentException("max-temperature must not be negative");
        }
        if (maxTurns != null && maxTurns < 1) {
            throw new IllegalArgumentException("max-turns must be positive");
        }
    }

    /** Whether it says something of temperature, tools or turns, which only the body tells. */
    public boolean hasLimits() {
        return maxTemperature != null || !tools || maxTurns != null;
    }

    boolean needsBody() {
        return match.needsBody() || hasLimits();
    }

    /** @param model {@code *} may be any, and so is one that is never cached */
    boolean covers(Endpoint endpoint, String label, String model, String preset) {
        return match.covers(endpoint, label, preset)
                && (match.coversModel(model) || (cache == Caching.NEVER && ANY_MODEL.equals(model)));
    }

    /** Which of the limits a request exceeds; null if it exceeds none. */
    public BypassReason exceededBy(RequestTraits request) {
        // A temperature that is no number is below no limit.
        if (maxTemperature != null && !(request.temperature() <= maxTemperature)) {
            return BypassReason.MAX_TEMPERATURE;
        } else if (!tools && request.tools()) {
            return BypassReason.TOOLS;
        }
        return maxTurns != null && request.turns() > maxTurns ? BypassReason.MAX_TURNS : null;
    }
}
