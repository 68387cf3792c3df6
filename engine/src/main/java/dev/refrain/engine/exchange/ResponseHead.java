package dev.refrain.engine.exchange;

import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The part of an answer that comes before its body. Immutable and thread-safe.
 *
 * @param status status code as in RFC 9110; only a 200 is ever stored (wire rule W16)
 * @param contentType media type as sent, or null if there was none
 * @param contentEncoding content coding as sent, or null for identity; an encoded answer is passed on but not stored
 * @param contentLength length of the body in bytes, -1 if unknown, or {@link #ENDS_WITH_CONNECTION}
 * @param generationId id of this response, or null if it has none yet
 * @param cache what the cache did for this response; null where caching was off or not yet decided
 * @param fields any other header fields in the front-end's own terms; the engine hands them through and stores
 *     none of them
 */
public record ResponseHead(
        int status,
        String contentType,
        String contentEncoding,
        long contentLength,
        String generationId,
        CacheOutcome cache,
        Map<String, List<String>> fields) {
    /**
     * The length of a body that ends when the connection is closed. Such a body looks complete even if it was cut off
     * (RFC 9112, 6.3).
     */
    public static final long ENDS_WITH_CONNECTION = -2;

    /** Requires {@code fields}; every other reference may be null. */
    public ResponseHead {
        Objects.requireNonNull(fields, "fields");
    }

    /** The same head with another outcome. */
    public ResponseHead withCache(CacheOutcome outcome) {
        return new ResponseHead(status, contentType, contentEncoding, contentLength, generationId, outcome, fields);
    }

    /** The same head with another generation id. */
    public ResponseHead withGenerationId(String id) {
        return new ResponseHead(status, contentType, contentEncoding, contentLength, id, cache, fields);
    }
}
