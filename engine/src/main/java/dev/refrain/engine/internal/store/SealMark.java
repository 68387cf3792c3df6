package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The time since which a store's entries are sealed, or until which they were. It is a number in the file
 * {@code .sealed} beside the store, in milliseconds since the epoch, negative for an end. The file exists once the
 * store has been opened with sealing. It is deleted when all entries of that time have expired.
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
     * Records that entries are sealed from now on, unless they are already. Call before the store is opened
     * with sealing.
     *
     * @return the time since which entries are sealed; 0 if all are
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
     * Records that entries are not sealed any more. Deletes the file once all sealed entries must have expired. Call
     * when the store is opened without sealing.
     *
     * @param longestMillis the longest TTL of an entry, milliseconds
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

    /** Like {@link #begin}, but changes nothing. Returns the given time if entries are not sealed yet. */
    public long since(long nowMillis) {
        Long known = read();
        return known != null && known >= 0 ? Math.min(known, nowMillis) : nowMillis;
    }

    /** Whether there may be sealed entries; changes nothing. */
    public boolean isThere() {
        return read() != null;
    }

    /** The number in the file, or null if there is none. */
    private Long read() {
        try {
            return Files.isRegularFile(file) && Files.size(file) <= MAX_BYTES
                    ? Long.valueOf(
                            Files.readString(file, StandardCharsets.US_ASCII).strip())
                    : null;
        } catch (IOException | NumberFormatException e) {
            LOG.debug("{} cannot be read, so it is not known since when entries are sealed", file, e);
            return null;
        }
    }

    private void write(long millis) {
        Path next = file.resolveSibling(file.getFileName() + ".new");
        try {
            Files.writeString(next, Long.toString(millis), StandardCharsets.US_ASCII);
            Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            LOG.debug("{} cannot be written, so it is not recorded since when entries are sealed", file, e);
        }
    }

    private void delete() {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.debug("The file cannot be deleted that says since when entries are sealed", e);
        }
    }
}
