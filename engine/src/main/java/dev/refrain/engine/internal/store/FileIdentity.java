package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checks whether the open files still have their names. A file that was removed or replaced goes on working for the
 * processes that have it open, but no other process finds it. So the loss is only logged, once. Thread-safe.
 */
final class FileIdentity {
    private static final Logger LOG = LoggerFactory.getLogger(ChronicleStore.class);

    /** The files and their file keys, such as inode numbers; the key is null on a file system without such keys. */
    private final Map<Path, Object> files = new LinkedHashMap<>();

    FileIdentity(Path... files) throws IOException {
        for (Path file : files) {
            this.files.put(file, fileKey(file));
        }
    }

    /** Checks all files. Logs each lost file once. Returns whether one was lost since the last check. */
    synchronized boolean check() {
        return files.entrySet().removeIf(entry -> isGone(entry.getKey(), entry.getValue()));
    }

    private static boolean isGone(Path file, Object key) {
        try {
            if (Objects.equals(fileKey(file), key)) {
                return false;
            }
        } catch (IOException e) {
            LOG.debug("The attributes of {} cannot be read", file, e);
        }
        LOG.warn(
                "{} has been removed or replaced while the cache has it open. The cache goes on with the old file, "
                        + "which is lost at the end of this process; restart to use what is there now",
                file);
        return true;
    }

    private static Object fileKey(Path file) throws IOException {
        return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
    }
}
