package dev.refrain.engine.stats;

import java.util.List;
import java.util.Set;

/**
 * Which stored answers to list, see {@link dev.refrain.engine.CacheAdmin#entries}. Immutable and thread-safe.
 *
 * @param matches an answer has to match each of them; empty for all answers
 * @param sort by what they are sorted
 * @param ascending whether the least comes first
 * @param limit the most answers, 1 to {@link #MAX_LIMIT}
 * @param cursor {@link EntryPage#next} of the page before, or null for the first
 * @param maxMillis after how many milliseconds no more is read
 * @param models names by which models are shown; entries have but a hash of them
 */
public record EntryQuery(
        List<Match> matches,
        Sort sort,
        boolean ascending,
        int limit,
        String cursor,
        long maxMillis,
        Set<String> models) {
    /** The longest page. */
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

    /** One that counts all answers that match, and lists one. */
    public static EntryQuery count(List<Match> matches, long maxMillis) {
        return new EntryQuery(matches, Sort.STORED, false, 1, null, maxMillis, Set.of());
    }

    /**
     * An answer matches if any of this is true of it.
     *
     * @param keyPrefix the key's digest begins so: hexadecimal digits in lower case; null for no key
     * @param scopes tags of scopes, twelve hexadecimal digits each, see {@link dev.refrain.engine.CacheKey#scope}
     * @param models names of models
     * @param namespaces names of namespaces
     */
    public record Match(String keyPrefix, Set<String> scopes, Set<String> models, Set<String> namespaces) {
        /**
         * Copies the sets.
         *
         * @throws IllegalArgumentException if the beginning of a key, or a tag, is no such digits
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

    /** By what answers are sorted. */
    public enum Sort {
        /** When they were stored. */
        STORED,
        /** When they expire. */
        EXPIRES,
        /** How much room they take. */
        SIZE,
        /** How often they were read lately, as far as the store remembers that. */
        HITS,
        /** How many tokens a hit saves. */
        TOKENS
    }
}
