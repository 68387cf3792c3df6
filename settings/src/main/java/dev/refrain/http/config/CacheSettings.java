package dev.refrain.http.config;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.refrain.engine.CacheControls;
import dev.refrain.semantics.policy.Policy;
import java.time.Duration;

/**
 * Defaults for what a request does not say (wire rule W80).
 *
 * @param byDefault whether requests without {@code X-OpenRouter-Cache} are cached
 * @param ttl lifetime of the entries of requests without {@code X-OpenRouter-Cache-TTL}
 * @param maxTtl the longest lifetime that a request can ask for
 * @param itemByItem whether embeddings of several inputs are cached item by item (W86)
 */
@JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
public record CacheSettings(
        @Setting(name = "default", value = "off", allowed = "off or on", live = true) @JsonProperty("default")
        Policy.Caching byDefault,

        @Setting(value = "5m", allowed = "a duration from 1s to cache.max-ttl, such as 300s, 5m or 24h", live = true)
        Duration ttl,

        @Setting(value = "24h", allowed = "a duration from 1s to 365d, such as 24h or 30d", live = true)
        Duration maxTtl,

        @Setting(value = "true", allowed = "true or false", live = true)
        boolean itemByItem) {
    /** Checks the ranges. */
    public CacheSettings {
        InvalidSetting.unless(byDefault != Policy.Caching.NEVER, "default");
        Checks.ttl(maxTtl, CacheControls.MAX_TTL, "max-ttl");
        Checks.ttl(ttl, maxTtl, "ttl");
    }
}
