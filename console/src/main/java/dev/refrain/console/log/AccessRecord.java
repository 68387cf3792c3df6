package dev.refrain.console.log;

import dev.refrain.engine.CacheKey;

/**
 * One request in the access log. Immutable and thread-safe; a missing or unknown value is null.
 *
 * @param endMillis when the answer had ended, milliseconds since the epoch
 * @param durationNanos from the request's head until the answer had ended
 * @param bytes of the answer's body
 * @param cache what the cache did, as in the log of requests
 * @param scope label of the API key, or the digits that stand for the key
 * @param key of the request
 * @param id of the answer
 * @param requestId of the request
 */
public record AccessRecord(
        Origin origin,
        long endMillis,
        long durationNanos,
        int status,
        long bytes,
        String cache,
        String model,
        String scope,
        CacheKey key,
        String id,
        String requestId) {
    /** Bytes of the objects and the short texts. */
    private static final int OWN_BYTES = 512;

    /** Estimated bytes of the heap that the record takes while it waits. */
    long heldBytes() {
        return OWN_BYTES + origin.heldBytes() + (model == null ? 0 : 2L * model.length());
    }
}
