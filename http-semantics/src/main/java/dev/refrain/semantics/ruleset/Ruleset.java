package dev.refrain.semantics.ruleset;

import dev.refrain.semantics.caller.Callers;
import dev.refrain.semantics.policy.CacheRules;
import dev.refrain.semantics.preset.Presets;
import java.util.Objects;

/**
 * What an operator may change while a front-end runs. A request keeps the one that it began with, so that it never
 * meets the labels of one file and the policies of another. Two of them are never equal. Immutable and thread-safe;
 * nothing is null.
 */
public final class Ruleset {
    private final Callers callers;
    private final CacheRules caching;
    private final Presets presets;

    /**
     * All of it.
     *
     * @param callers who may ask, and under which names and in which teams
     * @param caching what is cached where requests do not say it, and for which of them something else holds
     * @param presets known here
     */
    public Ruleset(Callers callers, CacheRules caching, Presets presets) {
        this.callers = Objects.requireNonNull(callers, "callers");
        this.caching = Objects.requireNonNull(caching, "caching");
        this.presets = Objects.requireNonNull(presets, "presets");
    }

    /** Who may ask, and under which names and in which teams. */
    public Callers callers() {
        return callers;
    }

    /** What is cached where requests do not say it, and for which of them something else holds. */
    public CacheRules caching() {
        return caching;
    }

    /** The presets that are known here. */
    public Presets presets() {
        return presets;
    }

    /** Whether head and store alone decide about a hit: presets are named in bodies, and policies may look at them. */
    public boolean isDecidedByHeads() {
        return presets.isEmpty() && !caching.policies().needBody();
    }
}
