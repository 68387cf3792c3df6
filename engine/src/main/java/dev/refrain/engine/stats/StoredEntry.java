package dev.refrain.engine.stats;

/**
 * A stored answer, as far as its head tells. Immutable and thread-safe.
 *
 * @param key the digest of its key, 64 hexadecimal digits
 * @param storedAtMillis when it was stored, milliseconds since the epoch
 * @param expiresAtMillis from when on it is not served, milliseconds since the epoch
 * @param ageSeconds whole seconds since it was stored
 * @param ttlSeconds whole seconds that it has left; not positive if it has expired and waits for a sweep
 * @param bytes length of the entry in the store
 * @param hits how often it was read lately, or -1 if the store does not know; the engine's own store stops counting at
 *     7
 * @param tokensSaved tokens that a hit saves; 0 if not known
 * @param fetchMillis how long it took to fetch, milliseconds; 0 if not known
 * @param scope the tag of its scope, twelve hexadecimal digits, see {@link dev.refrain.engine.CacheKey#scope}
 * @param model the model that was asked for, or null if its name is not known
 * @param namespace its namespace, or null if it has none or its name is not known
 */
public record StoredEntry(
        String key,
        long storedAtMillis,
        long expiresAtMillis,
        long ageSeconds,
        long ttlSeconds,
        int bytes,
        int hits,
        long tokensSaved,
        int fetchMillis,
        String scope,
        String model,
        String namespace) {}
