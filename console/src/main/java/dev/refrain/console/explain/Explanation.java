package dev.refrain.console.explain;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.KeyParts;
import dev.refrain.engine.stats.EntryFacts;
import java.util.List;

/**
 * What would become of a request; a document of the admin listener. Immutable and thread-safe.
 *
 * @param eligible whether it may be cached at all
 * @param reason of a bypass, as in {@code Cache-Status}, or null
 * @param caching {@code on} or {@code off}
 * @param why the same in a sentence
 * @param label the name under which the log has the caller
 * @param policy name of the policy that holds for it, or null
 * @param ttlSeconds lifetime of what it would store, or null
 * @param key all of the key in hexadecimal, or null
 * @param parts what went into the key, or null
 * @param entry the entry that would answer, or null
 * @param nearest stored requests that come nearest, or null if the question does not arise
 * @param rule the setting by which a stored answer would have been this request's, to be pasted into the settings file;
 *     null if there is none
 * @param nearestNote what there is to say about these, or null
 */
@JsonNaming(SnakeCaseStrategy.class)
public record Explanation(
        boolean eligible,
        String reason,
        String caching,
        String why,
        String label,
        String policy,
        Long ttlSeconds,
        String key,
        Parts parts,
        Entry entry,
        List<Nearest> nearest,
        String rule,
        String nearestNote) {

    /** See {@link KeyParts}. */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Parts(
            int version,
            boolean streaming,
            String scope,
            String endpoint,
            String upstream,
            String target,
            String query,
            String headers,
            String preset,
            String namespace,
            Integer sample,
            String body) {
        /** The engine's parts in JSON's words. */
        public static Parts of(KeyParts parts) {
            return new Parts(
                    parts.version(),
                    parts.streaming(),
                    parts.scope(),
                    parts.endpoint().id(),
                    parts.upstream(),
                    parts.target(),
                    parts.query().isEmpty() ? "empty" : parts.query(),
                    parts.headers().isEmpty() ? "none" : parts.headers(),
                    parts.preset(),
                    parts.namespace(),
                    parts.sample() == CacheKey.NO_SAMPLE ? null : parts.sample(),
                    parts.body());
        }
    }

    /** See {@link EntryFacts}; hits are null if they are not known. */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Entry(
            long ageSeconds,
            long ttlSeconds,
            int bytes,
            int storedBytes,
            Integer hits,
            String sourceId,
            long tokensSaved) {
        /** The engine's facts in JSON's words. */
        public static Entry of(EntryFacts facts) {
            return new Entry(
                    facts.ageSeconds(),
                    facts.ttlSeconds(),
                    facts.bytes(),
                    facts.storedBytes(),
                    facts.hits() < 0 ? null : facts.hits(),
                    facts.sourceId(),
                    facts.tokensSaved());
        }
    }

    /**
     * A request that is like the one in question.
     *
     * @param id generation id of its answer, or null
     * @param createdAt when its answer was complete, ISO 8601
     * @param same the part of the values that are equal, 0 to 1
     * @param differs JSON paths at which the two differ, in the order of the document; parts of the key that are not in
     *     the body in parentheses
     * @param ignore places that would have to be ignored for the two to be the same, {@code (canonical)} alone if their
     *     canonical forms are; empty if no rule makes them the same
     * @param key the beginning of its key
     * @param stored whether its answer is still in the store
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Nearest(
            String id,
            String createdAt,
            @JsonProperty("same") double same,
            List<String> differs,
            List<String> ignore,
            String key,
            boolean stored) {}
}
