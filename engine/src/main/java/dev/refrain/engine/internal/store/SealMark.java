package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Since when the entries of a store's file are sealed, or until when they were: in the file {@code .sealed} beside it,
 * in milliseconds since the epoch, negative for the end. It is there once a file has been opened with sealing, and goes
 * when all entries of that time have expired.
 */
public final class SealMark {
    private static final Logger LOG = LoggerFactory.getLogger(SealMark.class);
    private static final int MAX_BYTES = 32;

    private final Path store;
    private final Path file;

    /** @param store the store's file, which need not be there */
    public SealMark(Path store) {
        this.store = store;
        file = store.resolveSibling(store.getFileName() + ".sealed");
    }

    /**
     * The store is opened with sealing. To be called before that.
     *
     * @return when entries were sealed for the first time; 0 if they always were
     */
    public long begin(long nowMillis) {
        Long known = read();
        if (known != null && known >= 0) {
            return Math.min(known, nowMillis);
        }
        long since = Files.exists(store) ? nowMillis : 0;
        write(since);
        return since;
    }

    /**
     * The store is opened without sealing.
     *
     * @param longestMillis how long entries live at most
     * @return whether there may be sealed entries
     */
    public boolean end(long nowMillis, long longestMillis) {
        Long known = read();
        if (known == null) {
            return false;
        }
        if (known >= 0) {
            write(-nowMillis);
            return true;
        }
        if (nowMillis + known > longestMillis) {
            delete();
            return false;
        }
        return true;
    }

    /** What {@link #begin} would return, but changes nothing. */
    public long since(long nowMillis) {
        Long known = read();
        return known != null && known >= 0 ? Math.min(known, nowMillis) : nowMillis;
    }

    /** Whether there may be sealed entries; changes nothing. */
    public boolean isThere() {
        return read() != null;
    }

    /** Null if there is none. */
    private Long read() {
        try {
            return Files.isRegularFile(file) && Files.size(file) <= MAX_BYTES
                    ? Long.valueOf(
                            Files.readString(file, StandardCharsets.US_ASCII).strip())
                    : null;
        } catch (IOException | NumberFormatException e) {
            LOG.debug("Since when entries are sealed is not known", e);
            return null;
        }
    }

    private void write(long millis) {
        Path next = file.resolveSibling(file.getFileName() + ".new");
        try {
            Files.writeString(next, Long.toString(millis), StandardCharsets.US_ASCII);
            Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            LOG.debug("Since when entries are sealed could not be noted", e);
        }
    }

    private void delete() {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.debug("That entries were sealed could not be forgotten", e);
        }
    }
}
