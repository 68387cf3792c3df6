package dev.refrain.engine.stats;

import java.util.List;
import java.util.Set;

/**
 * Which stored answers to list, see {@link dev.refrain.engine.CacheAdmin#entries}. Immutable and thread-safe.
 *
 * @param matches an answer has to match each of them; empty for all answers
 * @param sort the order of the list
 * @param ascending whether the smallest value comes first
 * @param limit the largest number of answers on the page, 1 to {@link #MAX_LIMIT}
 * @param cursor {@link EntryPage#next} of the page before, or null for the first page
 * @param maxMillis time limit for reading the store, milliseconds
 * @param models known names of models. Entries have only a hash of the name, so other models are listed without a name
 */
public record EntryQuery(
        List<Match> matches,
        Sort sort,
        boolean ascending,
        int limit,
        String cursor,
        long maxMillis,
        Set<String> models) {
    /** Limit of the answers on a page. */
    public static final int MAX_LIMIT = 200;

    /**
     * Copies the collections.
     *
     * @throws IllegalArgumentException if the limit is out of its range
     */
    public EntryQuery {
        matches = List.copyOf(matches);
        models = Set.copyOf(models);
        if (limit < 1 || limit > MAX_LIMIT) {
            throw new IllegalArgumentException("a limit must be from 1 to " + MAX_LIMIT + ": " + limit);
        }
    }

    /** A query that counts all answers that match, and lists one. */
    public static EntryQuery count(List<Match> matches, long maxMillis) {
        return new EntryQuery(matches, Sort.STORED, false, 1, null, maxMillis, Set.of());
    }

    /**
     * A condition on answers. An answer matches if at least one of the condition's four parts applies.
     *
     * @param keyPrefix beginning of the key's digest, in lower-case hexadecimal digits; null for no condition on keys
     * @param scopes tags of scopes, twelve hexadecimal digits each; see {@link dev.refrain.engine.CacheKey#scope}
     * @param models names of models
     * @param namespaces names of namespaces
     */
    public record Match(String keyPrefix, Set<String> scopes, Set<String> models, Set<String> namespaces) {
        /**
         * Copies the sets.
         *
         * @throws IllegalArgumentException if the key prefix or a tag has another form
         */
        public Match {
            scopes = Set.copyOf(scopes);
            models = Set.copyOf(models);
            namespaces = Set.copyOf(namespaces);
            if (keyPrefix != null && !keyPrefix.matches("[0-9a-f]{1,64}")) {
                throw new IllegalArgumentException("not 1 to 64 hexadecimal digits: " + keyPrefix);
            }
            if (scopes.stream().anyMatch(scope -> !scope.matches("[0-9a-f]{12}"))) {
                throw new IllegalArgumentException("a tag of a scope has 12 hexadecimal digits: " + scopes);
            }
        }
    }

    /** The field by which answers are sorted. */
    public enum Sort {
        /** The time at which an answer was stored. */
        STORED,
        /** The time at which an answer expires. */
        EXPIRES,
        /** The length of the entry. */
        SIZE,
        /** The number of recent reads, as far as the store remembers them. */
        HITS,
        /** The tokens that a hit saves. */
        TOKENS
    }
}
