package dev.refrain.engine.spi;

/**
 * A snapshot of a store's figures. Counters start at zero when the store is opened and count this process only.
 *
 * @param entries keys in the store now, expired ones that no sweep has met included
 * @param bytes bytes that the entries take in the store now, as far as the store can tell
 * @param capacityBytes the byte budget the store was made with
 * @param evictions entries removed to make room
 * @param expirations entries removed by sweeps
 * @param drops puts for which no room was found
 * @param failures operations that failed for any other reason, such as an I/O error
 */
public record StoreStats(
        long entries, long bytes, long capacityBytes, long evictions, long expirations, long drops, long failures) {}
