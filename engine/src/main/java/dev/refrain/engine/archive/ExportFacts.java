package dev.refrain.engine.archive;

/**
 * What an export has done. Immutable and thread-safe.
 *
 * @param entries answers in the archive, those of an earlier run that it went on from among them
 * @param bytes of its files
 * @param parts files that it has
 * @param kept those of them that an earlier run had finished
 */
public record ExportFacts(long entries, long bytes, int parts, int kept) {}
