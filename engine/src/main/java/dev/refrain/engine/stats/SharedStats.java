package dev.refrain.engine.stats;

/**
 * What the shared tier did for this cache in this process. Immutable and thread-safe.
 *
 * @param hits answers of other machines that were found there
 * @param misses lookups that found nothing
 * @param failures lookups that the tier did not answer in time, or at all
 * @param rejects entries that were found and not taken: too old, removed meanwhile, or not what a machine of this
 *     cluster has written
 * @param stores answers of this machine that the tier has taken
 * @param storesLost answers that it has not: it was not there, was full, or had a newer one
 * @param lookupNanos nanoseconds that all lookups took that were answered
 * @param receivedBytes bytes of entries that were found
 * @param sentBytes bytes of entries that were taken
 * @param waits misses that found another machine calling the provider, and waited for its answer
 * @param joins those of them that followed its stream
 * @param appendedBytes bytes of sealed streams that others followed
 * @param readBytes bytes of sealed streams of others that were followed here
 * @param isAvailable whether the tier answers at the moment
 * @param isConnected whether removals of other machines are heard at the moment
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
