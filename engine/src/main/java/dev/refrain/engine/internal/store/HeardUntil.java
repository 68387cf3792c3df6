package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The time up to which removals of other machines have been applied to a store's file. It is a number in the file
 * {@code .shared} beside the store. A time that is too old is safe: later removals are then received and applied again.
 */
public final class HeardUntil {
    private static final Logger LOG = LoggerFactory.getLogger(HeardUntil.class);
    private static final int MAX_BYTES = 32;

    private final Path file;

    /** @param store the store's file, which need not be there */
    public HeardUntil(Path store) {
        file = store.resolveSibling(store.getFileName() + ".shared");
    }

    /** The time in microseconds of the shared tier's clock; 0 if it is not known. */
    public long micros() {
        try {
            return Files.isRegularFile(file) && Files.size(file) <= MAX_BYTES
                    ? Long.parseLong(
                            Files.readString(file, StandardCharsets.US_ASCII).strip())
                    : 0;
        } catch (IOException | NumberFormatException e) {
            LOG.debug("The file with the time until which this machine heard of removals by others cannot be read", e);
            return 0;
        }
    }

    /** Records the time. A failure is only logged, since a time that is too old is safe. */
    public void mark(long micros) {
        try {
            write(file, Long.toString(micros));
        } catch (IOException e) {
            LOG.debug(
                    "The file with the time until which this machine heard of removals by others cannot be written", e);
        }
    }

    /** Replaces a file atomically. */
    static void write(Path to, String text) throws IOException {
        Path next = to.resolveSibling(to.getFileName() + ".new");
        // Only the owner may read it: digests of keys and tags of scopes would tell who removed what.
        OwnerOnly.createFile(next);
        Files.writeString(next, text, StandardCharsets.US_ASCII);
        Files.move(next, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
