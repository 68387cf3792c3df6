package dev.refrain.console.explain;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.KeyParts;
import dev.refrain.engine.stats.EntryFacts;
import java.util.List;

/**
 * What the cache would do with a request; a document of the admin listener. Immutable and thread-safe.
 *
 * @param eligible whether the request may be cached at all
 * @param reason of a bypass, as in {@code Cache-Status}, or null
 * @param caching {@code on} or {@code off}
 * @param why the explanation in a sentence
 * @param label the name under which the log has the caller
 * @param policy name of the policy that holds for the request, or null
 * @param ttlSeconds lifetime of an entry that the request would store, or null
 * @param key the whole key in hexadecimal, or null
 * @param parts what went into the key, or null
 * @param entry the entry that would answer, or null
 * @param nearest the most similar earlier requests; null if the request would be a hit or a bypass, or none are kept
 * @param rule the setting with which the nearest stored answer would have been a hit, to be pasted into the settings
 *     file; null if there is none
 * @param nearestNote a remark on {@code nearest}, or null
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

    /** The parts of the key, see {@link KeyParts}. */
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
        /** The engine's parts, in the form of this document. */
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

    /** The facts of an entry, see {@link EntryFacts}; hits are null if they are not known. */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Entry(
            long ageSeconds,
            long ttlSeconds,
            int bytes,
            int storedBytes,
            Integer hits,
            String sourceId,
            long tokensSaved) {
        /** The engine's facts, in the form of this document. */
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
     * An earlier request that is similar to the one in question.
     *
     * @param id generation id of its answer, or null
     * @param createdAt when its answer was complete, ISO 8601
     * @param same fraction of the values that are equal, 0 to 1
     * @param differs JSON paths at which the two differ, in the order of the document; in parentheses, differences
     *     outside the body
     * @param ignore places that a rule would have to ignore for the two to get the same key; {@code (canonical)} alone
     *     if canonical forms suffice; empty if no rule helps
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
