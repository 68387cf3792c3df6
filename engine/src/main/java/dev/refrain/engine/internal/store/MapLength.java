package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Restores the length of the map's file if somebody truncates the file while it is mapped ({@code truncate},
 * {@code > answers.refrain}, a copy over it). After a truncation, each access to a page behind the file's end raises
 * SIGBUS. In most places the JVM turns this signal into an {@link InternalError}, in others it dies. No lock prevents a
 * truncation, so the file gets its length back as soon as the truncation is noticed. The lost part is then zeros, which
 * are segments without entries. Thread-safe.
 */
final class MapLength {
    private static final Logger LOG = LoggerFactory.getLogger(ChronicleStore.class);

    private final Path file;
    private final long length;
    private final Object key;

    /** @param length length of the mapping in bytes */
    MapLength(Path file, long length) throws IOException {
        this.file = file;
        this.length = length;
        this.key = attributes().fileKey();
    }

    private BasicFileAttributes attributes() throws IOException {
        return Files.readAttributes(file, BasicFileAttributes.class);
    }

    /** Checks the length, and restores it if need be. Returns whether the file was too short. */
    synchronized boolean restore() {
        try {
            BasicFileAttributes now = attributes();
            // Another file of the same name is not mapped here.
            if (now.size() >= length || !Objects.equals(now.fileKey(), key)) {
                return false;
            }
            LOG.warn(
                    "{} has been cut from {} to {} bytes while the cache has it open, and gets its length back; what "
                            + "was cut off is lost. Nothing but Refrain may write to a store that is open",
                    file,
                    length,
                    now.size());
            try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
                access.setLength(length);
            }
            return true;
        } catch (IOException e) {
            LOG.debug("The length of {} cannot be looked at or given back", file, e);
            return false;
        }
    }
}
