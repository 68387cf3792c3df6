package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import net.openhft.chronicle.hash.impl.util.jna.PosixFallocate;
import net.openhft.posix.PosixAPI;
import net.openhft.posix.internal.noop.NoOpPosixAPI;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the file system allocate all blocks of a file. If a page of the mapping has no block when it is first written,
 * and the disk is full, the kernel raises SIGBUS; docs/RATIONALE.md says what a JVM does then.
 *
 * <p>The content of the file stays. No other process may have the file open, unless {@code fallocate} is known to work.
 */
final class Preallocation {
    private static final Logger LOG = LoggerFactory.getLogger(ChronicleStore.class);
    private static final int PIECE = 1 << 20;

    private Preallocation() {}

    /**
     * Allocates the missing blocks.
     *
     * @throws IOException if there is no room; the message says how much is needed and how much is free
     */
    static void allocate(Path file) throws IOException {
        long length = Files.size(file);
        long free = DiskSpace.free(file);
        try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
            // Fallocate fails alike for lack of room and for lack of support by the file system; writing
            // tells them apart.
            if (!fallocate(access, length)) {
                rewrite(access.getChannel(), length, file);
            }
        } catch (IOException e) {
            throw new IOException(
                    "it needs " + length + " bytes, and " + free + " were free on its disk: " + e.getMessage(), e);
        }
    }

    private static boolean fallocate(RandomAccessFile access, long length) {
        if (PosixAPI.posix() instanceof NoOpPosixAPI) {
            return false;
        }
        try {
            PosixFallocate.fallocate(access.getFD(), 0, length);
            return true;
        } catch (IOException | RuntimeException e) {
            LOG.debug("fallocate failed", e);
            return false;
        }
    }

    /** Writes every block of the file. Works on every file system, but is as slow as writing the whole file. */
    static void rewrite(FileChannel channel, long length, Path file) throws IOException {
        ByteBuffer piece = ByteBuffer.allocateDirect(PIECE);
        for (long at = 0; at < length; at += piece.limit()) {
            if (DiskSpace.free(file) < DiskSpace.MARGIN) {
                // The rest of the file may have its blocks already, so the room might suffice. But a sparse file on a
                // full disk is worse than a failure.
                throw new IOException("No space left on device");
            }
            piece.clear();
            channel.read(piece, at);
            piece.flip();
            for (long to = at; piece.hasRemaining(); ) {
                to += channel.write(piece, to);
            }
        }
    }
}
