package dev.refrain.engine.spi;

import java.io.IOException;
import java.nio.file.Path;

/**
 * A file or directory that is not Refrain's has the name of a store, or of a file beside a store. It is left unchanged.
 * The message names it and says what to do: configure another file, or move this one away. The cause is a mistake in
 * the configuration, not a lack of room or permission.
 */
public final class ForeignFileException extends IOException {
    private static final long serialVersionUID = 1L;

    /**
     * @param file the file or directory that was found, not null
     * @param reason why it is not Refrain's; completes a sentence that begins with the file's name
     */
    public ForeignFileException(Path file, String reason) {
        super(file + " " + reason + ", so it is left as it is. Name another file for the store, or move this one away");
    }
}
