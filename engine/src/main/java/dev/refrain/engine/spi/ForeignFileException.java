package dev.refrain.engine.spi;

import java.io.IOException;
import java.nio.file.Path;

/**
 * A file or directory stands where a store, or a file beside it, is to be, and it is not Refrain's. It is left as it
 * is. The message names it and says what to do: name another file, or move that one away. Unlike a store that cannot be
 * opened for lack of room or permission, this is a mistake in the configuration.
 */
public final class ForeignFileException extends IOException {
    private static final long serialVersionUID = 1L;

    /**
     * @param file what stands there, not null
     * @param reason what it is, or is not; completes a sentence that begins with the file's name
     */
    public ForeignFileException(Path file, String reason) {
        super(file + " " + reason + ", so it is left as it is. Name another file for the store, or move this one away");
    }
}
