package dev.refrain.engine.archive;

/**
 * The result of an import. Immutable and thread-safe.
 *
 * @param entries answers that the import has added to the store
 * @param bytes length of these answers together, in bytes
 * @param present answers that the store already had, or had in a newer version
 * @param expired answers whose TTL is over, or whose time of storing is in the future
 * @param foreign answers that this store does not take: sealed ones if the store is not sealed, or unsealed ones
 *     if it is
 * @param damaged answers with a wrong checksum
 * @param dropped answers for which there was no room
 * @param missing parts that the archive lacks, because its export was not finished
 */
public record ImportFacts(
        long entries, long bytes, long present, long expired, long foreign, long damaged, long dropped, int missing) {}
