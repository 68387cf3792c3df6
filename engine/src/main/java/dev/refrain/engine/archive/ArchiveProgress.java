package dev.refrain.engine.archive;

/** Hears how far an archive is. Called on the thread that makes or reads it, a few times a second at most. */
@FunctionalInterface
public interface ArchiveProgress {
    /** One that does not listen. */
    ArchiveProgress NONE = (done, entries, bytes) -> {};

    /**
     * Some more is done.
     *
     * @param done how much of all, 0 to 1
     * @param entries answers that were written, or read
     * @param bytes of these
     */
    void at(double done, long entries, long bytes);
}
