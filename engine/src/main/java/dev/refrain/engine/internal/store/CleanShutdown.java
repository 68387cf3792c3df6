package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says when a free lock proves that its segment is whole.
 *
 * <p>A segment changes only under its write lock. So a killed process leaves whole segments and locked segments: the
 * page cache has what it wrote, in order. This no longer holds after a power failure or a crash of the operating system
 * (pages reach the disk in any order), in a copy of the file made while it was written to, and after an operation that
 * failed half-way and released its lock. Hence a number that stands for this run of the operating system and this file.
 * It is written when a process has opened the map alone, and erased at the first failure.
 */
final class CleanShutdown {
    static final long NONE = 0;

    private static final Logger LOG = LoggerFactory.getLogger(ChronicleStore.class);
    /** Linux makes a new one at each start, and it is the same in all containers. */
    private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");

    private CleanShutdown() {}

    /** The number for a file as it is now; {@link #NONE} where there is no way to know. */
    static long of(Path file) {
        try {
            Object identity =
                    Files.readAttributes(file, BasicFileAttributes.class).fileKey();
            if (identity == null) {
                return NONE;
            }
            MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
            sha256.update(Files.readAllBytes(BOOT_ID));
            return ByteBuffer.wrap(sha256.digest(identity.toString().getBytes(StandardCharsets.UTF_8)))
                    .getLong();
        } catch (IOException e) {
            LOG.debug("No boot id", e);
            return NONE;
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("Every JDK has SHA-256", e);
        }
    }
}
