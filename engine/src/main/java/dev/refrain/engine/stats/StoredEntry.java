package dev.refrain.engine.stats;

/**
 * The facts of a stored answer that the head of its entry has. Immutable and thread-safe.
 *
 * @param key the digest of its key, 64 hexadecimal digits
 * @param storedAtMillis when it was stored, milliseconds since the epoch
 * @param expiresAtMillis when it expires, milliseconds since the epoch
 * @param ageSeconds whole seconds since it was stored
 * @param ttlSeconds whole seconds until it expires; 0 or negative if it has expired and waits for a sweep
 * @param bytes length of the entry in the store, in bytes
 * @param hits number of recent reads, at most 7 in the engine's own store; -1 if the store does not count them
 * @param tokensSaved tokens that a hit saves; 0 if not known
 * @param fetchMillis time that fetching it took, milliseconds; 0 if not known
 * @param scope the tag of its scope, twelve hexadecimal digits; see {@link dev.refrain.engine.CacheKey#scope}
 * @param model the model that the request named, or null if the name is not known
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
