package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The time at which a store was last in use. It is the modification time of the secret's file, which every process that
 * uses the store updates. The lock file would not do: Java opens a file to set its time, and closing the file would
 * release all locks that this process has on it (POSIX, fcntl).
 */
public final class LastUse {
    private static final Logger LOG = LoggerFactory.getLogger(LastUse.class);

    private final Path secret;

    /** @param store the store's file, which need not be there */
    public LastUse(Path store) {
        secret = store.resolveSibling(store.getFileName() + ".secret");
    }

    /**
     * The time in milliseconds since the epoch, or the given number if it is not known. To be called before the
     * store is opened.
     */
    public long millis(long otherwise) {
        try {
            return Files.isRegularFile(secret)
                    ? Files.getLastModifiedTime(secret).toMillis()
                    : otherwise;
        } catch (IOException e) {
            LOG.debug("It is not known when the store was last in use", e);
            return otherwise;
        }
    }

    /** Records that the store is in use now. */
    public void mark(long nowMillis) {
        try {
            if (Files.isRegularFile(secret)) {
                Files.setLastModifiedTime(secret, FileTime.fromMillis(nowMillis));
            }
        } catch (IOException e) {
            LOG.debug("The time of the store's last use cannot be recorded", e);
        }
    }
}
