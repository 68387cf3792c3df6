package dev.refrain.engine.spi;

/**
 * A snapshot of a store's statistics. Counters start at zero when the store is opened and count this process only.
 * Immutable and thread-safe.
 *
 * @param entries keys in the store now, expired ones that no sweep has met included
 * @param bytes bytes that the entries take in the store now, as far as the store can tell
 * @param capacityBytes the byte budget the store was made with
 * @param evictions entries removed to make room
 * @param expirations entries removed by sweeps
 * @param drops puts for which no room was found
 * @param failures operations that failed for any other reason, such as an I/O error
 * @param details what not every store can tell
 */
public record StoreStats(
        long entries,
        long bytes,
        long capacityBytes,
        long evictions,
        long expirations,
        long drops,
        long failures,
        Details details) {
    /** Figures without {@link #details}. */
    public StoreStats(
            long entries, long bytes, long capacityBytes, long evictions, long expirations, long drops, long failures) {
        this(entries, bytes, capacityBytes, evictions, expirations, drops, failures, Details.NONE);
    }

    /**
     * What a store may tell beyond the rest.
     *
     * @param expiredBytes those of {@link #bytes} that are taken by expired entries, estimated from a part of the store
     * @param freeBytes bytes that more entries can take before any has to go; with {@link #bytes} less than the
     *     capacity, the difference being what the store needs for itself
     * @param overheadBytes what an entry takes beside its own length, on average: rounding, key and a share of what the
     *     store needs for itself
     * @param expiredEvictions those of {@link #evictions} that had expired
     * @param removals entries removed by {@link CacheStore#removeIf}
     * @param sweeps complete sweeps, in slices or at once
     * @param sweptSlices slices swept
     * @param longestHoldNanos the longest time that a sweep or a removal kept
     *     writers waiting, as far as the store can tell
     */
    public record Details(
            long expiredBytes,
            long freeBytes,
            long overheadBytes,
            long expiredEvictions,
            long removals,
            long sweeps,
            long sweptSlices,
            long longestHoldNanos) {
        /** For a store that cannot tell. */
        public static final Details NONE = new Details(0, 0, 0, 0, 0, 0, 0, 0);
    }
}
