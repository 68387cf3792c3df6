package dev.refrain.console.activity;

import java.util.List;
import java.util.Locale;

/** What the cache did for a request. */
public enum Outcome {
    /** Answered from the store. */
    HIT(0),
    /** Answered by an identical request's call that was under way (wire rule W28). */
    COLLAPSED(1),
    /** Answered from the store in place of a provider that failed (W30). */
    STALE(2),
    /** Fetched from the provider, or the attempt failed. */
    MISS(3),
    /** Caching was on, but the request or its answer was not eligible (W18, W19). */
    BYPASS(4),
    /** Caching was off. */
    OFF(5);

    /** All outcomes, in the order in which they are stored. */
    public static final List<Outcome> ALL = List.of(values());

    private final int number;

    Outcome(int number) {
        this.number = number;
    }

    /** The number in files, which is also the index in {@link #ALL}. */
    int number() {
        return number;
    }

    /** The name in JSON and metrics. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether the answer came from the cache, so that it cost no tokens. */
    public boolean isCached() {
        return this == HIT || this == COLLAPSED || this == STALE;
    }
}
