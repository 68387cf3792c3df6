package dev.refrain.semantics.caller;

import dev.refrain.engine.CacheScope;
import java.util.List;

/**
 * Who sends a request. Immutable and thread-safe; nothing is null.
 *
 * @param scope callers with equal scopes share answers
 * @param label a name for logs that reveals no credential: a configured name, else the beginning of the tag
 * @param labels all names by which policies know the caller: those of its API keys and their team, or else the label
 * @param tag sixteen hexadecimal digits, see {@link CacheScope#hexTag}
 * @param mayAsk whether the caller is served at all
 * @param rates the request rates of its API keys; empty if requests are not counted
 */
public record Caller(
        CacheScope scope, String label, List<String> labels, String tag, boolean mayAsk, List<RequestRate> rates) {
    /** A caller that policies know by its label alone. */
    public Caller(CacheScope scope, String label, String tag) {
        this(scope, label, List.of(label), tag, true, List.of());
    }

    /** The caller with this scope and without a configured name. */
    public static Caller of(CacheScope scope) {
        return of(scope, List.of(), true, List.of());
    }

    /** @param names configured names, may be empty; the first becomes the label */
    static Caller of(CacheScope scope, List<String> names, boolean mayAsk, List<RequestRate> rates) {
        List<String> labels = names.isEmpty() ? List.of(scope.toString()) : List.copyOf(names);
        return new Caller(scope, labels.get(0), labels, scope.hexTag(), mayAsk, rates);
    }

    /**
     * Counts a request.
     *
     * @return 0 if the request is allowed; else nanoseconds until one is
     */
    public long countRequest() {
        long wait = 0;
        for (int i = 0; i < rates.size(); i++) {
            wait = Math.max(wait, rates.get(i).take(System.nanoTime()));
        }
        return wait;
    }
}
