package dev.refrain.engine;

/**
 * What the cache did for one response; a front-end turns it into its protocol's words (wire rules W21, W22 and W27).
 */
public sealed interface CacheOutcome {
    /**
     * Answered from the store.
     *
     * @param ageSeconds whole seconds since the answer was stored
     * @param ttlSeconds whole seconds that the entry has left; age plus ttl is the stored lifetime (W22)
     * @param sourceId generation id of the response that filled the entry, or null if that had none
     */
    record Hit(long ageSeconds, long ttlSeconds, String sourceId) implements CacheOutcome {}

    /**
     * Answered by an identical request's upstream call that was under way (wire rule W28): a hit of age 0.
     *
     * @param ttlSeconds lifetime that the answer gets if it is stored
     * @param sourceId generation id of the response to the request that made the call, or null if that had none
     */
    record Collapsed(long ttlSeconds, String sourceId) implements CacheOutcome {}

    /**
     * Fetched from the upstream because no entry answered.
     *
     * @param ttlSeconds lifetime that the answer gets if it is stored
     * @param stored whether the answer is going to be stored, as far as its head tells
     */
    record Miss(long ttlSeconds, boolean stored) implements CacheOutcome {}

    /** Fetched from the upstream because the request is not eligible, although caching was on. */
    record Bypass(BypassReason reason) implements CacheOutcome {}
}
