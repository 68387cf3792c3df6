package dev.refrain.engine;

import dev.refrain.engine.exchange.NotCachedException;

/**
 * What a request's {@code Cache-Control} field asks of the cache (wire rule W30; RFC 9111, 5.2.1 and RFC 5861, 4).
 * Immutable and thread-safe.
 *
 * @param noCache no stored answer is accepted, and none that is already being fetched; the stored entry stays until the
 *     new answer is complete
 * @param noStore an answer from the store is accepted, but an answer that is fetched for this request is not stored
 * @param maxAgeSeconds how old an answer from the store may be at most, {@link #ANY_AGE} if any age will do
 * @param onlyIfCached no upstream call is made: without a stored answer, the request fails ({@link NotCachedException})
 * @param staleIfErrorSeconds how long after its lifetime an entry may answer in place of an upstream's failure; 0 for
 *     not at all. The cache sets an upper bound ({@link ResponseCacheBuilder#staleIfError})
 */
public record CacheDirectives(
        boolean noCache, boolean noStore, long maxAgeSeconds, boolean onlyIfCached, long staleIfErrorSeconds) {

    /** The {@link #maxAgeSeconds} of a request that takes an answer of any age. */
    public static final long ANY_AGE = Long.MAX_VALUE;

    /** No directives. */
    public static final CacheDirectives NONE = new CacheDirectives(false, false, ANY_AGE, false, 0);

    /** @throws IllegalArgumentException if a number is negative */
    public CacheDirectives {
        if (maxAgeSeconds < 0 || staleIfErrorSeconds < 0) {
            throw new IllegalArgumentException("maxAgeSeconds and staleIfErrorSeconds must not be negative");
        }
    }
}
