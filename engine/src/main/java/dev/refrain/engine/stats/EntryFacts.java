package dev.refrain.engine.stats;

/**
 * Facts of a stored answer; see {@link dev.refrain.engine.CacheAdmin#inspect}. Immutable and thread-safe.
 *
 * @param storedAtMillis when it was stored, milliseconds since the epoch
 * @param expiresAtMillis when it expires, milliseconds since the epoch
 * @param ageSeconds whole seconds since it was stored
 * @param ttlSeconds whole seconds until it expires; 0 or negative if it has expired and waits for a sweep
 * @param bytes length of the answer that a hit gets, in bytes
 * @param storedBytes length of the entry in the store, in bytes
 * @param hits number of recent reads, at most 7 in the engine's own store; -1 if the store does not count them
 * @param tokensSaved tokens that a hit saves; 0 if not known
 * @param sourceId generation id of the response that filled the entry, or null if that response had none
 */
public record EntryFacts(
        long storedAtMillis,
        long expiresAtMillis,
        long ageSeconds,
        long ttlSeconds,
        int bytes,
        int storedBytes,
        int hits,
        long tokensSaved,
        String sourceId) {}
