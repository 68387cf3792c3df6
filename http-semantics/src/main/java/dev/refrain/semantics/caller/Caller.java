package dev.refrain.semantics.caller;

import dev.refrain.engine.CacheScope;

/**
 * Who sends a request. Immutable and thread-safe; nothing is null.
 *
 * @param scope whose answers the caller shares
 * @param label a name for logs, which is no credential: a configured name, else the beginning of the tag
 * @param tag sixteen hexadecimal digits, see {@link CacheScope#hexTag}
 */
public record Caller(CacheScope scope, String label, String tag) {
    /** Whoever has this scope, without a configured name. */
    public static Caller of(CacheScope scope) {
        return of(scope, null);
    }

    /** @param name a configured one, or null */
    static Caller of(CacheScope scope, String name) {
        return new Caller(scope, name == null ? scope.toString() : name, scope.hexTag());
    }
}
