package dev.refrain.engine.archive;

/**
 * What an import has done. Immutable and thread-safe.
 *
 * @param entries answers that are stored now and were not before
 * @param bytes of these
 * @param present answers that were there already, or a newer one in their place
 * @param expired answers whose life is over
 * @param foreign answers that this store does not take: sealed ones where nothing is sealed, or open ones where all is
 * @param damaged answers with a wrong checksum
 * @param dropped answers for which there was no room
 * @param missing parts that the archive lacks, because its export was not finished
 */
public record ImportFacts(
        long entries, long bytes, long present, long expired, long foreign, long damaged, long dropped, int missing) {}
