package dev.refrain.engine.exchange;

import java.util.function.Supplier;

/**
 * What the cache did for one response. A front-end turns it into header fields (wire rules W21, W22, W27 and W30).
 * Immutable and thread-safe.
 */
public sealed interface CacheOutcome {
    /**
     * Whether the whole answer is available at once, because it was stored.
     *
     * @param outcome null where caching was off
     */
    static boolean isWhole(CacheOutcome outcome) {
        CacheOutcome answer = outcome instanceof Items items ? items.answer() : outcome;
        return answer instanceof Hit || answer instanceof SharedHit || answer instanceof HitOnError;
    }

    /**
     * Answered from the store.
     *
     * @param ageSeconds whole seconds since the answer was stored
     * @param ttlSeconds whole seconds that the entry has left; age plus ttl is the stored lifetime (W22)
     * @param sourceId generation id of the response that filled the entry, or null if that response had none
     * @param savings what the stored answer had cost
     */
    record Hit(long ageSeconds, long ttlSeconds, String sourceId, Savings savings) implements CacheOutcome {}

    /**
     * Answered with an entry that another machine stored in the shared tier (wire rule W90).
     *
     * @param entry the entry as a {@link Hit}
     * @param stored whether this machine's own store has the entry now
     */
    record SharedHit(Hit entry, boolean stored) implements CacheOutcome {}

    /**
     * Answered from the store in place of an upstream that failed, because the request allows that
     * ({@code stale-if-error}).
     *
     * @param entry the entry as a {@link Hit}; its ttl is negative if the entry has expired
     * @param reason why the request was forwarded in the first place
     * @param status status of the upstream's answer, or 0 if there was none
     */
    record HitOnError(Hit entry, ForwardReason reason, int status) implements CacheOutcome {}

    /**
     * Answered by joining the upstream call of an identical request (wire rule W28): a hit of age 0.
     *
     * @param ttlSeconds lifetime that the answer gets if it is stored
     * @param sourceId generation id of the response to the request that made the call, or null without such an id
     * @param reason why the store did not answer
     * @param savings the cost of the call; unknown before the answer is complete
     * @param elsewhere whether another machine made the call (wire rule W28)
     */
    record Collapsed(
            long ttlSeconds, String sourceId, ForwardReason reason, Supplier<Savings> savings, boolean elsewhere)
            implements CacheOutcome {
        /** A call that this machine made. */
        public Collapsed(long ttlSeconds, String sourceId, ForwardReason reason, Supplier<Savings> savings) {
            this(ttlSeconds, sourceId, reason, savings, false);
        }
    }

    /**
     * Fetched from the upstream because no entry answered.
     *
     * @param ttlSeconds lifetime that the answer gets if it is stored
     * @param stored true if the answer is stored already, because all of it came with its head; false if it may
     *     yet be stored
     * @param reason why the store did not answer
     * @param sharedUnavailable whether the shared tier was asked as well, and did not answer (wire rule W92)
     */
    record Miss(long ttlSeconds, boolean stored, ForwardReason reason, boolean sharedUnavailable)
            implements CacheOutcome {
        /** A miss without a failure of the shared tier. */
        public Miss(long ttlSeconds, boolean stored, ForwardReason reason) {
            this(ttlSeconds, stored, reason, false);
        }

        /** A miss because there was no entry. */
        public Miss(long ttlSeconds, boolean stored) {
            this(ttlSeconds, stored, ForwardReason.MISS);
        }
    }

    /** Fetched from the upstream because the request is not eligible for caching, although caching was on. */
    record Bypass(BypassReason reason) implements CacheOutcome {}

    /**
     * The answer is put together from items that have an entry each (wire rule W86).
     *
     * @param answer a {@link Hit} or {@link Collapsed} if no item was fetched for this response, else a {@link Miss}
     *     or {@link Bypass}
     * @param known number of items that were not fetched for this response
     * @param count number of all items
     * @param savings what the known items had cost
     */
    record Items(CacheOutcome answer, int known, int count, Savings savings) implements CacheOutcome {}
}
