package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Renames a file that has the store's name and cannot be used. Used by the thread that opens the store. */
final class SetAside {
    private static final Logger LOG = LoggerFactory.getLogger(ChronicleStore.class);

    private static final String DAMAGED = ".damaged-";
    private static final String UNKNOWN = ".unknown-";
    private static final Pattern DAMAGED_NAME = Pattern.compile(Pattern.quote(DAMAGED) + "\\d{8}T\\d{6}Z");
    private static final DateTimeFormatter TIMESTAMP =
            DateTimeFormatter.ofPattern("uuuuMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

    private final Path file;
    private final Clock clock;

    SetAside(Path file, Clock clock) {
        this.file = file;
        this.clock = clock;
    }

    /** The damaged files that were kept beside the store. */
    List<Path> damagedFiles() throws IOException {
        String name = file.getFileName().toString();
        try (Stream<Path> siblings = Files.list(file.getParent())) {
            return siblings.filter(path -> isDamaged(path.getFileName().toString(), name) && Files.isRegularFile(path))
                    .toList();
        }
    }

    private static boolean isDamaged(String sibling, String name) {
        return sibling.startsWith(name)
                && DAMAGED_NAME.matcher(sibling.substring(name.length())).matches();
    }

    /** Deletes the damaged files, to free their room. */
    void deleteDamaged() throws IOException {
        for (Path damaged : damagedFiles()) {
            Files.delete(damaged);
        }
    }

    /**
     * Renames a file that has the length of our map but not its header. It may be another program's file, so it is kept
     * whole and never deleted.
     */
    void moveAway() throws IOException {
        Path aside = StorePath.sibling(file, UNKNOWN + TIMESTAMP.format(clock.instant()));
        Files.move(file, aside);
        LOG.warn(
                "The store {} does not begin like a store. It may be another file, or is damaged at its beginning; it "
                        + "is kept, whole, as {}. Delete it if you do not need it. Starting afresh",
                file,
                aside);
    }

    /**
     * Renames a store that cannot be used.
     *
     * @param budget length of the beginning of the store that is kept, in bytes
     */
    void setAside(Throwable reason, long budget) throws IOException {
        // One damaged file is enough for an investigation. More would fill the disk.
        deleteDamaged();
        Path aside = StorePath.sibling(file, DAMAGED + TIMESTAMP.format(clock.instant()));
        Files.move(file, aside);
        cut(aside, budget);
        LOG.warn(
                "The store {} cannot be used: {}. Its beginning is kept as {}; delete it if you do not need it. "
                        + "Starting afresh",
                file,
                reason.getMessage(),
                aside);
        LOG.debug("Why the store {} was set aside", file, reason);
    }

    private static void cut(Path file, long length) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(length);
        }
    }
}
