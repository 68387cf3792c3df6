package dev.refrain.engine.archive;

/**
 * The result of an export. Immutable and thread-safe.
 *
 * @param entries answers in the archive, including those that an interrupted earlier run had written
 * @param bytes length of the archive's files together, in bytes
 * @param parts number of part files
 * @param kept part files that an interrupted earlier run had finished
 */
public record ExportFacts(long entries, long bytes, int parts, int kept) {}
