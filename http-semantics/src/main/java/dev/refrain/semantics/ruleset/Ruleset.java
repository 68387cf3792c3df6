package dev.refrain.semantics.ruleset;

import dev.refrain.semantics.caller.Callers;
import dev.refrain.semantics.policy.CacheRules;
import dev.refrain.semantics.preset.Presets;
import java.util.Objects;

/**
 * The settings that an operator may change while a front-end runs. A request keeps the ruleset that it began with, so
 * that it never sees the labels of one file and the policies of another. Two rulesets are never equal. Immutable and
 * thread-safe; nothing is null.
 */
public final class Ruleset {
    private final Callers callers;
    private final CacheRules caching;
    private final Presets presets;

    /**
     * A ruleset.
     *
     * @param callers who is served, with names and teams
     * @param caching the defaults and policies for caching
     * @param presets the local presets
     */
    public Ruleset(Callers callers, CacheRules caching, Presets presets) {
        this.callers = Objects.requireNonNull(callers, "callers");
        this.caching = Objects.requireNonNull(caching, "caching");
        this.presets = Objects.requireNonNull(presets, "presets");
    }

    /** Who is served, with names and teams. */
    public Callers callers() {
        return callers;
    }

    /** The defaults and policies for caching. */
    public CacheRules caching() {
        return caching;
    }

    /** The local presets. */
    public Presets presets() {
        return presets;
    }

    /** Whether head and store alone decide about a hit: there are no presets, and no policy depends on the body. */
    public boolean isDecidedByHeads() {
        return presets.isEmpty() && !caching.policies().needBody();
    }
}
