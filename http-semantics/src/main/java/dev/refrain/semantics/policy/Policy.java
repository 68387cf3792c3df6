package dev.refrain.semantics.policy;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.Wildcards;
import java.time.Duration;
import java.util.Objects;

/**
 * An operator's rules for some requests (wire rule W81). Of a list of policies, only the first that matches a request
 * applies to it. Immutable and thread-safe.
 *
 * <pre>{@code
 * Policy never = Policy.builder("zero retention").model("acme/*").cache(Policy.Caching.NEVER).build();
 * Policy vectors = Policy.builder("vectors").endpoint(Endpoint.EMBEDDINGS).ttl(Duration.ofDays(30)).build();
 * }</pre>
 */
public final class Policy {
    private static final String ANY_MODEL = "*";

    /** Whether requests are cached. */
    public enum Caching {
        /** All are cached, unless they say {@code X-OpenRouter-Cache: false}. */
        ON,
        /** Only those are cached that say {@code X-OpenRouter-Cache: true}, or name a preset that turns caching on. */
        OFF,
        /** None is cached, whatever header and preset say, and nothing of their contents is kept anywhere. */
        NEVER
    }

    /** What the store is used for, if a request is cached. */
    public enum Mode {
        /** Hits are answered, and fetched answers are stored. */
        READ_WRITE,
        /** Hits are answered; fetched answers are not stored. */
        READ_ONLY,
        /** Each request is forwarded, and its answer is stored. */
        WRITE_ONLY
    }

    private final String name;
    // Conditions that a request must meet; null for no condition.
    private final String label;
    private final String model;
    private final Endpoint endpoint;
    private final String preset;
    // Rules for those requests; null to keep the default.
    private final Caching cache;
    private final Duration ttl;
    private final Duration maxTtl;
    private final Mode mode;
    private final Double maxTemperature;
    private final boolean tools;
    private final Integer maxTurns;

    private Policy(Builder from) {
        name = from.name;
        label = from.label;
        model = from.model;
        endpoint = from.endpoint;
        preset = from.preset;
        cache = from.cache;
        ttl = from.ttl;
        maxTtl = from.maxTtl;
        mode = from.mode;
        maxTemperature = from.maxTemperature;
        tools = from.tools;
        maxTurns = from.maxTurns;
    }

    /**
     * A builder that begins with a policy for all requests which changes nothing.
     *
     * @param name shown in explanations and in the log; not null
     */
    public static Builder builder(String name) {
        return new Builder(name);
    }

    /** The name shown in explanations and in the log; never null. */
    public String name() {
        return name;
    }

    /** Replaces {@link CacheDefaults#on}; null to keep that. */
    public Caching cache() {
        return cache;
    }

    /** Replaces {@link CacheDefaults#ttl}; null to keep that. */
    public Duration ttl() {
        return ttl;
    }

    /** Replaces {@link CacheDefaults#maxTtl}; null to keep that. */
    public Duration maxTtl() {
        return maxTtl;
    }

    /** What the store is used for; never null. */
    public Mode mode() {
        return mode;
    }

    /** Whether the policy has a limit on temperature, tools or turns, for which the body must be read. */
    public boolean hasLimits() {
        return maxTemperature != null || !tools || maxTurns != null;
    }

    /** Whether the body is needed to apply the policy. */
    boolean needsBody() {
        return model != null || preset != null || hasLimits();
    }

    /**
     * Whether the policy matches a request.
     *
     * @param ofModel null if there is none; {@code *} stands for any model, and so matches the model of every policy
     *     that forbids caching
     */
    boolean covers(Endpoint ofRequest, String callersLabel, String ofModel, String presetSlug) {
        return (endpoint == null || endpoint == ofRequest)
                && (label == null || label.equals(callersLabel))
                && (preset == null || preset.equals(presetSlug))
                && (coversModel(ofModel) || (cache == Caching.NEVER && ANY_MODEL.equals(ofModel)));
    }

    private boolean coversModel(String ofModel) {
        return model == null || Wildcards.matches(model, ofModel == null ? "" : ofModel);
    }

    /** Which of the limits a request exceeds; null if it exceeds none. */
    public BypassReason exceededBy(RequestTraits request) {
        // Written so that a temperature that is not a number exceeds every limit.
        if (maxTemperature != null && !(request.temperature() <= maxTemperature)) {
            return BypassReason.MAX_TEMPERATURE;
        } else if (!tools && request.tools()) {
            return BypassReason.TOOLS;
        }
        return maxTurns != null && request.turns() > maxTurns ? BypassReason.MAX_TURNS : null;
    }

    @Override
    public String toString() {
        return name;
    }

    /** Builds a policy. Not thread-safe. */
    public static final class Builder {
        private final String name;
        private String label;
        private String model;
        private Endpoint endpoint;
        private String preset;
        private Caching cache;
        private Duration ttl;
        private Duration maxTtl;
        private Mode mode = Mode.READ_WRITE;
        private Double maxTemperature;
        private boolean tools = true;
        private Integer maxTurns;

        private Builder(String name) {
            this.name = Objects.requireNonNull(name, "name");
        }

        /** Only requests of API keys to which a proxy's operator has given this label; null for all. */
        public Builder label(String ofKey) {
            label = ofKey;
            return this;
        }

        /** Only requests for models that match the pattern; {@code *} stands for any characters. Null for all. */
        public Builder model(String pattern) {
            model = pattern;
            return this;
        }

        /** Only requests to this endpoint; null for all. */
        public Builder endpoint(Endpoint only) {
            endpoint = only;
            return this;
        }

        /** Only requests that name this preset, whether or not it is known here; null for all. */
        public Builder preset(String slug) {
            preset = slug;
            return this;
        }

        /** Whether requests are cached; null to keep the default. */
        public Builder cache(Caching whether) {
            cache = whether;
            return this;
        }

        /** Lifetime of answers whose requests do not say one; null to keep the default. */
        public Builder ttl(Duration lifetime) {
            ttl = lifetime;
            return this;
        }

        /** The longest lifetime that a request may ask for; null to keep the default. */
        public Builder maxTtl(Duration longest) {
            maxTtl = longest;
            return this;
        }

        /** What the store is used for; not null. Reading and writing unless set. */
        public Builder mode(Mode allowed) {
            mode = Objects.requireNonNull(allowed, "allowed");
            return this;
        }

        /**
         * Requests with a higher temperature are not cached; null for no limit. A request without a temperature counts
         * as {@link RequestTraits#USUAL_TEMPERATURE}.
         */
        public Builder maxTemperature(Double highest) {
            maxTemperature = highest;
            return this;
        }

        /** Whether requests that offer tools are cached; true unless set. */
        public Builder tools(boolean areCached) {
            tools = areCached;
            return this;
        }

        /** Requests with more messages of the user are not cached; null for no limit. */
        public Builder maxTurns(Integer most) {
            maxTurns = most;
            return this;
        }

        /**
         * The policy.
         *
         * @throws IllegalArgumentException if a lifetime or a number is out of range
         */
        public Policy build() {
            if (ttl != null) {
                CacheControls.on(ttl);
            }
            if (maxTtl != null) {
                CacheControls.on(maxTtl);
            }
            if (ttl != null && maxTtl != null && ttl.compareTo(maxTtl) > 0) {
                throw new IllegalArgumentException("ttl must not exceed max-ttl, was " + ttl + " of " + maxTtl);
            }
            if (maxTemperature != null && !(maxTemperature >= 0)) {
                throw new IllegalArgumentException("max-temperature must not be negative, was " + maxTemperature);
            }
            if (maxTurns != null && maxTurns < 1) {
                throw new IllegalArgumentException("max-turns must be 1 or more, was " + maxTurns);
            }
            return new Policy(this);
        }
    }
}
