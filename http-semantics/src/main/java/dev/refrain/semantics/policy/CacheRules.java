package dev.refrain.semantics.policy;

import java.util.Objects;

/**
 * The rules for caching that do not come from headers and presets. An operator sets them for a proxy, and a program for
 * the client that it wraps. Immutable and thread-safe; nothing is null.
 *
 * @param itemByItem whether embeddings of several inputs are cached item by item (wire rule W86)
 */
public record CacheRules(CacheDefaults defaults, Policies policies, boolean itemByItem) {
    /** The contract's defaults and no policies. */
    public static final CacheRules USUAL = new CacheRules(CacheDefaults.USUAL, Policies.NONE);

    /** Rejects null. */
    public CacheRules {
        Objects.requireNonNull(defaults, "defaults");
        Objects.requireNonNull(policies, "policies");
    }

    /** Rules with which embeddings are cached item by item. */
    public CacheRules(CacheDefaults defaults, Policies policies) {
        this(defaults, policies, true);
    }
}
