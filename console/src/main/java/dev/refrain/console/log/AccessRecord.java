package dev.refrain.console.log;

import dev.refrain.engine.CacheKey;

/**
 * One request as the access log has it. Immutable and thread-safe; what is not known, or there is not, is null.
 *
 * @param endMillis when the answer was over, milliseconds since the epoch
 * @param durationNanos from the request's head until then
 * @param bytes of the answer's body
 * @param cache what the cache did, as in the log of requests
 * @param scope name of the API key, or digits that stand for it
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
    /** Objects and the shorter texts. */
    private static final int OWN_BYTES = 512;

    /** What it takes of the heap while it waits, about. */
    long heldBytes() {
        return OWN_BYTES + origin.heldBytes() + (model == null ? 0 : 2L * model.length());
    }
}
