package dev.refrain.engine.stats;

/**
 * Statistics of the shared tier, as this cache used it in this process. Immutable and thread-safe.
 *
 * @param hits answers of other machines that lookups found
 * @param misses lookups that found nothing
 * @param failures lookups that the tier did not answer, or not in time
 * @param rejects entries that were found but not used: too old, removed meanwhile, or not written by a machine
 *     of this cluster
 * @param stores answers of this machine that the tier has stored
 * @param storesLost answers of this machine that the tier has not stored: it was unavailable, was full, or had
 *     a newer one
 * @param lookupNanos time of all answered lookups together, nanoseconds
 * @param receivedBytes bytes of entries that lookups found
 * @param sentBytes bytes of entries that the tier has stored
 * @param waits misses that waited for the answer to another machine's call
 * @param joins the part of {@link #waits} that followed the other machine's stream
 * @param appendedBytes bytes of this machine's sealed streams, appended for followers elsewhere
 * @param readBytes bytes of other machines' sealed streams, read by followers here
 * @param isAvailable whether the tier answers now
 * @param isConnected whether this machine receives removals of other machines now
 */
public record SharedStats(
        long hits,
        long misses,
        long failures,
        long rejects,
        long stores,
        long storesLost,
        long lookupNanos,
        long receivedBytes,
        long sentBytes,
        long waits,
        long joins,
        long appendedBytes,
        long readBytes,
        boolean isAvailable,
        boolean isConnected) {}
