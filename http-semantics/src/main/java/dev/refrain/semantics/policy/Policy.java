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
 * <pre>{@code
 * Policy never = Policy.builder("zero retention").model("acme/*").cache(Policy.Caching.NEVER).build();
 * Policy vectors = Policy.builder("vectors").endpoint(Endpoint.EMBEDDINGS).ttl(Duration.ofDays(30)).build();
 * }</pre>
 */
public final class Policy {
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

    private final String name;
    // Which requests it is for: those for which everything holds that is not null.
    private final String label;
    private final String model;
    private final Endpoint endpoint;
    private final String preset;
    // What it says of them; null to leave that.
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
     * A policy for all requests that leaves everything as it is, to be changed.
     *
     * @param name for explanations and the log; not null
     */
    public static Builder builder(String name) {
        return new Builder(name);
    }

    /** For explanations and the log; never null. */
    public String name() {
        return name;
    }

    /** Takes the place of {@link CacheDefaults#on}; null to leave that. */
    public Caching cache() {
        return cache;
    }

    /** Takes the place of {@link CacheDefaults#ttl}; null to leave that. */
    public Duration ttl() {
        return ttl;
    }

    /** Takes the place of {@link CacheDefaults#maxTtl}; null to leave that. */
    public Duration maxTtl() {
        return maxTtl;
    }

    /** What the store may do; never null. */
    public Mode mode() {
        return mode;
    }

    /** Whether it says something of temperature, tools or turns, which only the body tells. */
    public boolean hasLimits() {
        return maxTemperature != null || !tools || maxTurns != null;
    }

    /** Whether the body has a part in it. */
    boolean needsBody() {
        return model != null || preset != null || hasLimits();
    }

    /**
     * Whether it is for a request.
     *
     * @param ofModel {@code *} may be any, and so is one that is never cached; null if there is none
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
        // A temperature that is no number is below no limit.
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

    /** Puts a policy together. Not thread-safe. */
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

        /** Only requests of the API key to which a proxy's operator gives this label; null for all. */
        public Builder label(String ofKey) {
            label = ofKey;
            return this;
        }

        /** Only requests for models with such a name, in which {@code *} is any characters; null for all. */
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

        /** Whether requests are cached; null to leave that. */
        public Builder cache(Caching whether) {
            cache = whether;
            return this;
        }

        /** Lifetime of what requests store that do not say one; null to leave that. */
        public Builder ttl(Duration lifetime) {
            ttl = lifetime;
            return this;
        }

        /** The longest lifetime that a request may ask for; null to leave that. */
        public Builder maxTtl(Duration longest) {
            maxTtl = longest;
            return this;
        }

        /** What the store may do; not null. Read and write unless set. */
        public Builder mode(Mode allowed) {
            mode = Objects.requireNonNull(allowed, "allowed");
            return this;
        }

        /**
         * Requests with a higher temperature are not cached; null for no limit. A request that says none has
         * {@link RequestTraits#USUAL_TEMPERATURE}.
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
                throw new IllegalArgumentException("ttl must be at most max-ttl");
            }
            if (maxTemperature != null && !(maxTemperature >= 0)) {
                throw new IllegalArgumentException("max-temperature must not be negative");
            }
            if (maxTurns != null && maxTurns < 1) {
                throw new IllegalArgumentException("max-turns must be positive");
            }
            return new Policy(this);
        }
    }
}
