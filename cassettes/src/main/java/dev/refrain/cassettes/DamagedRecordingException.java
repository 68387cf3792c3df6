package dev.refrain.cassettes;

import java.io.IOException;
import java.nio.file.Path;

/** A file of a folder of recordings is not what was written. Its message names the file and the line. */
public final class DamagedRecordingException extends IOException {
    private static final long serialVersionUID = 1L;

    /**
     * One whose message says where and what.
     *
     * @param line from 1; 0 if it is not about a line
     * @param flaw what is wrong, and what to do
     */
    DamagedRecordingException(Path file, int line, String flaw) {
        super(file + (line > 0 ? ":" + line : "") + ": " + flaw);
    }
}
