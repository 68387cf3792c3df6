package dev.refrain.cassettes;

import java.io.IOException;
import java.nio.file.Path;

/** A file in a folder of recordings is damaged. The message names the file and the line. */
public final class DamagedRecordingException extends IOException {
    private static final long serialVersionUID = 1L;

    /**
     * An exception whose message names the file, the line and the fault.
     *
     * @param line from 1; 0 if the fault is not in a single line
     * @param flaw what is wrong with the file, and what to do
     */
    DamagedRecordingException(Path file, int line, String flaw) {
        super(file + (line > 0 ? ":" + line : "") + ": " + flaw);
    }
}
