package dev.refrain.engine.archive;

/**
 * Receives the progress of an export or import. Called on the thread that runs the export or import, a few times a
 * second at most.
 */
@FunctionalInterface
public interface ArchiveProgress {
    /** Ignores all reports. */
    ArchiveProgress NONE = (done, entries, bytes) -> {};

    /**
     * Reports progress.
     *
     * @param done the share of the work that is done, 0 to 1
     * @param entries answers written or read so far
     * @param bytes length of these answers together, in bytes
     */
    void at(double done, long entries, long bytes);
}
