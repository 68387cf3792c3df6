package dev.refrain.semantics.caller;

import dev.refrain.engine.CacheScope;
import java.util.List;

/**
 * Who sends a request. Immutable and thread-safe; nothing is null.
 *
 * @param scope whose answers the caller shares
 * @param label a name for logs, which is no credential: a configured name, else the beginning of the tag
 * @param labels all names by which policies know the caller: those of its API keys and their team, or else the label
 * @param tag sixteen hexadecimal digits, see {@link CacheScope#hexTag}
 * @param mayAsk whether the caller is served at all
 * @param rates of its API keys; empty if requests are not counted
 */
public record Caller(
        CacheScope scope, String label, List<String> labels, String tag, boolean mayAsk, List<RequestRate> rates) {
    /** A caller that policies know by its label alone. */
    public Caller(CacheScope scope, String label, String tag) {
        this(scope, label, List.of(label), tag, true, List.of());
    }

    /** Whoever has this scope, without a configured name. */
    public static Caller of(CacheScope scope) {
        return of(scope, List.of(), true, List.of());
    }

    /** @param names configured ones, may be empty; the first is shown */
    static Caller of(CacheScope scope, List<String> names, boolean mayAsk, List<RequestRate> rates) {
        List<String> labels = names.isEmpty() ? List.of(scope.toString()) : List.copyOf(names);
        return new Caller(scope, labels.get(0), labels, scope.hexTag(), mayAsk, rates);
    }

    /**
     * Counts a request.
     *
     * @return 0 if it may be made; else nanoseconds after which there may be one
     */
    public long countRequest() {
        long wait = 0;
        for (int i = 0; i < rates.size(); i++) {
            wait = Math.max(wait, rates.get(i).take(System.nanoTime()));
        }
        return wait;
    }
}
