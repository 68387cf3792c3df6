package dev.refrain.semantics.policy;

import java.util.Objects;

/**
 * What an operator, or the program round a client, says about caching beside headers and presets. Immutable and
 * thread-safe; nothing is null.
 *
 * @param itemByItem whether embeddings of several inputs are cached item by item (wire rule W86)
 */
public record CacheRules(CacheDefaults defaults, Policies policies, boolean itemByItem) {
    /** The contract's defaults and no policies. */
    public static final CacheRules USUAL = new CacheRules(CacheDefaults.USUAL, Policies.NONE);

    /** Requires both. */
    public CacheRules {
        Objects.requireNonNull(defaults, "defaults");
        Objects.requireNonNull(policies, "policies");
    }

    /** Embeddings are cached item by item. */
    public CacheRules(CacheDefaults defaults, Policies policies) {
        this(defaults, policies, true);
    }
}
