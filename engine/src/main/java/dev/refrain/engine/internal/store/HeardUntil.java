package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collection;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Up to when a store's file has heard of what other machines removed: a number in the file {@code .shared} beside it.
 * A number that is too old is safe: what was heard of then is heard of again. And what was removed here and other
 * machines have not been told: names in lines of the file {@code .unshared}.
 */
public final class HeardUntil {
    private static final Logger LOG = LoggerFactory.getLogger(HeardUntil.class);
    private static final int MAX_BYTES = 32;
    private static final long MAX_UNTOLD_BYTES = 8L << 20;

    private final Path file;
    private final Path untold;

    /** @param store the store's file, which need not be there */
    public HeardUntil(Path store) {
        file = store.resolveSibling(store.getFileName() + ".shared");
        untold = store.resolveSibling(store.getFileName() + ".unshared");
    }

    /** In microseconds of the shared tier's clock; 0 if nothing is known. */
    public long micros() {
        try {
            return Files.isRegularFile(file) && Files.size(file) <= MAX_BYTES
                    ? Long.parseLong(
                            Files.readString(file, StandardCharsets.US_ASCII).strip())
                    : 0;
        } catch (IOException | NumberFormatException e) {
            LOG.debug("The time until which removals of other machines were heard is not known", e);
            return 0;
        }
    }

    /** Notes the time. */
    public void mark(long micros) {
        try {
            write(file, Long.toString(micros));
        } catch (IOException e) {
            LOG.debug("The time until which removals of other machines were heard could not be noted", e);
        }
    }

    private static void write(Path to, String text) throws IOException {
        Path next = to.resolveSibling(to.getFileName() + ".new");
        // Digests of keys and tags of scopes say who cleared what.
        OwnerOnly.createFile(next);
        Files.writeString(next, text, StandardCharsets.US_ASCII);
        Files.move(next, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** The names that were noted; empty if there are none. */
    public List<String> untold() {
        try {
            return Files.isRegularFile(untold) && Files.size(untold) <= MAX_UNTOLD_BYTES
                    ? Files.readAllLines(untold, StandardCharsets.US_ASCII)
                    : List.of();
        } catch (IOException e) {
            LOG.warn("It is not known any more what other machines have not been told of removals", e);
            return List.of();
        }
    }

    /**
     * Notes names, in place of those before.
     *
     * @param names of one line each; empty once all machines have been told
     */
    public void noteUntold(Collection<String> names) {
        try {
            if (names.isEmpty()) {
                Files.deleteIfExists(untold);
            } else {
                write(untold, String.join("\n", names));
            }
        } catch (IOException e) {
            LOG.warn("It could not be noted what other machines have not been told of removals", e);
        }
    }
}
