package dev.refrain.semantics.policy;

import dev.refrain.engine.CacheControls;
import java.time.Duration;
import java.util.Objects;

/**
 * Caching where neither header nor preset decides it (wire rule W80). Immutable and thread-safe; nothing is null.
 *
 * @param on whether requests without {@code X-OpenRouter-Cache} are cached
 * @param ttl lifetime of an answer whose request has no {@code X-OpenRouter-Cache-TTL}
 * @param maxTtl the longest lifetime; a longer one that a request or preset asks for is reduced to it
 */
public record CacheDefaults(boolean on, Duration ttl, Duration maxTtl) {
    /** The longest lifetime unless an operator says otherwise. */
    public static final Duration USUAL_MAX_TTL = Duration.ofDays(1);

    /** The defaults of the wire contract: off, 300 s, and 24 hours at most. */
    public static final CacheDefaults USUAL = new CacheDefaults(false, CacheControls.DEFAULT_TTL, USUAL_MAX_TTL);

    /**
     * @throws IllegalArgumentException if a lifetime is shorter than {@link CacheControls#MIN_TTL} or longer than
     *     {@link CacheControls#MAX_TTL}, or {@code ttl} is longer than {@code maxTtl}
     */
    public CacheDefaults {
        Objects.requireNonNull(ttl, "ttl");
        CacheControls.on(maxTtl);
        if (ttl.compareTo(CacheControls.MIN_TTL) < 0 || ttl.compareTo(maxTtl) > 0) {
            throw new IllegalArgumentException("ttl must be from 1 second to " + maxTtl + ", was " + ttl);
        }
    }
}
