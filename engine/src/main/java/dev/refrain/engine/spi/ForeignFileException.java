package dev.refrain.engine.spi;

import java.io.IOException;
import java.nio.file.Path;

/**
 * The place of a store, or of a file beside it, is taken by a file or directory that is not Refrain's. It is left
 * unchanged. The message names it and says what to do: configure another file, or move this one away. This is a mistake
 * in the configuration, unlike a lack of room or permission.
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
