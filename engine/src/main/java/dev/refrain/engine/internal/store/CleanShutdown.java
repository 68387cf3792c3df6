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
 * Decides whether a segment whose lock is free can be trusted to be whole.
 *
 * <p>A segment changes only under its write lock. So after a process is killed, each segment is either whole or locked:
 * the page cache has all that the process wrote. There are three exceptions. After a power failure or a crash of the
 * operating system, pages may have reached the disk in any order. A copy of the file that was made during writes may be
 * torn. An operation may have failed half-way and released its lock. So the lock file records a number that stands for
 * this run of the operating system and this file. The number is written when a process has opened the map alone, and
 * erased at the first failure. A segment with a free lock is trusted only if the number still matches.
 */
final class CleanShutdown {
    static final long NONE = 0;

    private static final Logger LOG = LoggerFactory.getLogger(ChronicleStore.class);
    /** Linux makes a new id at each boot; all containers see the same one. */
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
