package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.zip.CRC32C;

/**
 * Records removals of which other machines have not been told yet: one name per line in the file {@code .unshared}
 * beside a store. All processes that share the store append to the file. Each process has read the file up to some
 * offset, and reads the rest before it replaces the file. The lock is on a separate file, because this file is
 * replaced. Thread-safe.
 */
public final class UntoldFile {
    /** Limit of the file, in bytes. A longer file is not read. */
    static final int MAX_BYTES = 8 << 20;
    /**
     * A file of more bytes than this is to be replaced. The new file should have less than half as many, so that
     * replacing is rare.
     */
    static final int FULL_BYTES = 4 << 20;

    private static final Duration LONGEST_WAIT = Duration.ofSeconds(2);

    private final Path file;
    private final Path lock;
    private final long longestWaitNanos;
    /**
     * The number of bytes at the beginning of the file that this process has read, and their checksum. Guarded by this.
     */
    private int known;

    private CRC32C sum = new CRC32C();

    /** @param store the store's file, which need not be there */
    public UntoldFile(Path store) {
        this(store, LONGEST_WAIT);
    }

    /** @param longestWait the longest wait for the lock while another process holds it */
    UntoldFile(Path store, Duration longestWait) {
        longestWaitNanos = longestWait.toNanos();
        file = store.resolveSibling(store.getFileName() + ".unshared");
        lock = store.resolveSibling(store.getFileName() + ".unshared.lock");
    }

    private interface Action<T> {
        T run() throws IOException;
    }

    /** Another process, or another cache in this process, has the lock. */
    public static final class HeldException extends IOException {
        private static final long serialVersionUID = 1;

        HeldException(Path lock) {
            super("another process holds " + lock);
        }
    }

    /**
     * Runs an action under the lock. Nobody holds the lock for longer than one such action.
     *
     * @param waits whether to wait for the lock; if not, throws {@link HeldException} at once
     */
    private synchronized <T> T locked(boolean waits, Action<T> action) throws IOException {
        OwnerOnly.createFile(lock);
        try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.WRITE)) {
            long start = System.nanoTime();
            // Closing the channel releases the lock.
            while (!isLocked(channel)) {
                if (!waits || System.nanoTime() - start > longestWaitNanos) {
                    throw new HeldException(lock);
                }
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
            }
            return action.run();
        }
    }

    private static boolean isLocked(FileChannel channel) throws IOException {
        try {
            return channel.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            // Another cache in this process holds the lock of the same file.
            return false;
        }
    }

    /**
     * The lines that this process has not read yet. They count as read from now on.
     *
     * @param waits whether to wait while another process holds the lock
     */
    public synchronized List<String> news(boolean waits) throws IOException {
        return Files.exists(file) ? locked(waits, this::learn) : learn();
    }

    private List<String> learn() throws IOException {
        if (!Files.exists(file)) {
            // All lines of a later file are new, even if it repeats the deleted one.
            know(new byte[0], 0);
            return List.of();
        }
        if (Files.size(file) > MAX_BYTES) {
            throw new IOException(file + " is longer than " + MAX_BYTES + " bytes");
        }
        byte[] bytes = Files.readAllBytes(file);
        CRC32C beginning = new CRC32C();
        beginning.update(bytes, 0, Math.min(known, bytes.length));
        // If the checksum differs, another process has replaced the file, and all of it is new.
        int from = known <= bytes.length && beginning.getValue() == sum.getValue() ? known : 0;
        know(bytes, bytes.length);
        return new String(bytes, from, bytes.length - from, StandardCharsets.US_ASCII)
                .lines()
                .filter(line -> !line.isBlank())
                .toList();
    }

    private void know(byte[] bytes, int length) {
        known = length;
        sum = new CRC32C();
        sum.update(bytes, 0, length);
    }

    /**
     * Adds lines.
     *
     * @return false, with nothing added, if the file would become so long that it has to be
     *     {@linkplain #replace replaced}
     */
    public boolean append(Collection<String> lines) throws IOException {
        return locked(true, () -> {
            OwnerOnly.createFile(file);
            try (FileChannel to = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                long size = to.size();
                // A process that was killed while it wrote may have left half a line.
                byte[] text = bytes(lines, size > 0 && !endsLine(to, size));
                if (size + text.length > FULL_BYTES) {
                    return false;
                }
                writeAll(to, ByteBuffer.wrap(text), size);
                if (size == known) {
                    known += text.length;
                    sum.update(text);
                }
                return true;
            }
        });
    }

    private static byte[] bytes(Collection<String> lines, boolean beginsLine) {
        String text = lines.isEmpty() ? "" : String.join("\n", lines) + '\n';
        return (beginsLine ? '\n' + text : text).getBytes(StandardCharsets.US_ASCII);
    }

    private static boolean endsLine(FileChannel file, long size) throws IOException {
        ByteBuffer last = ByteBuffer.allocate(1);
        return file.read(last, size - 1) == 1 && last.get(0) == '\n';
    }

    private static void writeAll(FileChannel to, ByteBuffer text, long at) throws IOException {
        long next = at;
        while (text.hasRemaining()) {
            next += to.write(text, next);
        }
    }

    /**
     * Replaces all lines of the file. Deletes the file if there are no new lines.
     *
     * @param waits whether to wait while another process holds the lock
     * @return false, with nothing changed, if the file has lines that this process has not read; see {@link #news}
     */
    public synchronized boolean replace(Collection<String> lines, boolean waits) throws IOException {
        if (lines.isEmpty() && !Files.exists(file)) {
            know(new byte[0], 0);
            return true;
        }
        return locked(waits, () -> {
            int before = known;
            CRC32C beginning = sum;
            // A file that is too long cannot be read by any process, so it may be replaced.
            boolean isReadable = Files.exists(file) && Files.size(file) <= MAX_BYTES;
            if (isReadable && !learn().isEmpty()) {
                known = before;
                sum = beginning;
                return false;
            }
            byte[] text = bytes(lines, false);
            if (lines.isEmpty()) {
                Files.deleteIfExists(file);
            } else {
                HeardUntil.write(file, new String(text, StandardCharsets.US_ASCII));
            }
            know(text, text.length);
            return true;
        });
    }
}
