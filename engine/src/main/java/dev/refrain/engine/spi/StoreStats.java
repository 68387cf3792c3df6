package dev.refrain.engine.spi;

/**
 * A snapshot of a store's statistics. Counters start at zero when the store is opened and count this process only.
 * Immutable and thread-safe.
 *
 * @param entries entries in the store now, including expired ones that no sweep has removed yet
 * @param bytes room that the entries take in the store now, in bytes, as far as the store can tell
 * @param capacityBytes the byte budget the store was made with
 * @param evictions entries removed to make room
 * @param expirations entries removed by sweeps
 * @param drops puts for which no room was found
 * @param failures operations that failed for any other reason, such as an I/O error
 * @param details figures that only some stores have
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
    /** Statistics without {@link #details}. */
    public StoreStats(
            long entries, long bytes, long capacityBytes, long evictions, long expirations, long drops, long failures) {
        this(entries, bytes, capacityBytes, evictions, expirations, drops, failures, Details.NONE);
    }

    /**
     * Figures that only some stores have.
     *
     * @param expiredBytes the part of {@link #bytes} that expired entries take, estimated from a sample of the store
     * @param freeBytes room for more entries before any is evicted, in bytes. {@link #bytes} and this are together less
     *     than the capacity; the store needs the rest for itself
     * @param overheadBytes room that an entry takes beside its own length, on average, in bytes: its key and rounding
     * @param expiredEvictions the part of {@link #evictions} that had expired
     * @param removals entries removed by {@link CacheStore#removeIf}
     * @param sweeps complete sweeps, in slices or at once
     * @param sweptSlices slices swept, in complete and incomplete sweeps
     * @param longestHoldNanos the longest time that a sweep or a removal kept writers waiting, as far as the
     *     store can tell
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
        /** For a store that has none of these figures. */
        public static final Details NONE = new Details(0, 0, 0, 0, 0, 0, 0, 0);
    }
}
