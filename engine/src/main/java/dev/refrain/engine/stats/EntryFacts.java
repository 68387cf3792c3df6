package dev.refrain.engine.stats;

/**
 * Facts of a stored answer; see {@link dev.refrain.engine.CacheAdmin#inspect}. Immutable and thread-safe.
 *
 * @param storedAtMillis when it was stored, milliseconds since the epoch
 * @param expiresAtMillis from when on it is not served, milliseconds since the epoch
 * @param ageSeconds whole seconds since it was stored
 * @param ttlSeconds whole seconds that it has left; not positive if it has expired and waits for a sweep
 * @param bytes length of the answer that a hit gets
 * @param storedBytes length of the entry in the store
 * @param hits how often it was read lately, or -1 if the store does not know;
 *     the engine's own store stops counting at 7
 * @param tokensSaved tokens that a hit saves; 0 if not known
 * @param sourceId generation id of the response that filled it, or null if that had none
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
