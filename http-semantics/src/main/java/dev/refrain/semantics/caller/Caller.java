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
 */
public record Caller(CacheScope scope, String label, List<String> labels, String tag, boolean mayAsk) {
    /** A caller that policies know by its label alone. */
    public Caller(CacheScope scope, String label, String tag) {
        this(scope, label, List.of(label), tag, true);
    }

    /** Whoever has this scope, without a configured name. */
    public static Caller of(CacheScope scope) {
        return of(scope, List.of(), true);
    }

    /** @param names configured ones, may be empty; the first is shown */
    static Caller of(CacheScope scope, List<String> names, boolean mayAsk) {
        List<String> labels = names.isEmpty() ? List.of(scope.toString()) : List.copyOf(names);
        return new Caller(scope, labels.get(0), labels, scope.hexTag(), mayAsk);
    }
}
