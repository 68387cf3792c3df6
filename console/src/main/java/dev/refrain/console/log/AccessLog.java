package dev.refrain.console.log;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A line for each request, in a file or on standard output. Requests put a record into a queue, which is bounded in
 * bytes, and never wait. A thread of the log makes lines of the records and writes them. A record that finds the queue
 * full or cannot be written is dropped and counted. Thread-safe.
 */
public final class AccessLog implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(AccessLog.class);

    /** Stands for standard output in place of a file's name. */
    public static final String STANDARD_OUTPUT = "-";

    /** Limit of the heap that waiting records take, in bytes, estimated. */
    static final long MAX_WAITING = 4 << 20;

    private static final int BUFFER = 64 * 1024;
    private static final long IDLE_NANOS = 50_000_000;
    private static final long TELL_NANOS = 60_000_000_000L;
    private static final long CLOSE_MILLIS = 5_000;

    private final String target;
    private final Function<AccessRecord, String> lines;
    private final ConcurrentLinkedQueue<AccessRecord> queue = new ConcurrentLinkedQueue<>();
    private final AtomicLong waiting = new AtomicLong();
    private final LongAdder dropped = new LongAdder();
    private final Thread writer = new Thread(this::write, "refrain-access-log");

    private volatile boolean reopen;
    private volatile boolean closed;

    // Used by the writer thread alone once it runs.
    private OutputStream out;
    private long told;
    private long toldNanos;

    private AccessLog(String target, Logs.Format format, OutputStream out) {
        this.target = target;
        this.lines = format == Logs.Format.JSON ? AccessLines::json : AccessLines::text;
        this.out = out;
        this.toldNanos = System.nanoTime() - TELL_NANOS;
        writer.setDaemon(true);
    }

    /**
     * Begins to log.
     *
     * @param target the path of a file, which is made if it does not exist, or {@link #STANDARD_OUTPUT}
     * @throws IOException if the file cannot be written; the message names it
     */
    public static AccessLog open(String target, Logs.Format format) throws IOException {
        AccessLog log = to(target, format, stream(target));
        log.writer.start();
        return log;
    }

    /** A log that writes only after {@link #start}. */
    static AccessLog to(String target, Logs.Format format, OutputStream out) {
        return new AccessLog(target, format, out);
    }

    private static OutputStream stream(String target) throws IOException {
        if (target.equals(STANDARD_OUTPUT)) {
            return new FileOutputStream(FileDescriptor.out);
        }
        Path file = Path.of(target);
        try {
            boolean isNew = !Files.exists(file);
            OutputStream stream = Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            // Asks for the view itself, not the file store for its features: Java does not find the store of a file
            // system that is missing from the list of mounts, as in a chroot.
            PosixFileAttributeView permissions = Files.getFileAttributeView(file, PosixFileAttributeView.class);
            if (isNew && permissions != null) {
                permissions.setPermissions(PosixFilePermissions.fromString("rw-------"));
            }
            return stream;
        } catch (IOException e) {
            throw new IOException("log.access: cannot write " + file + ". Make its folder writable for this user", e);
        }
    }

    /** Adds the record of an ended request. Never waits. */
    public void add(AccessRecord entry) {
        long bytes = entry.heldBytes();
        if (closed) {
            dropped.increment();
        } else if (waiting.addAndGet(bytes) > MAX_WAITING) {
            waiting.addAndGet(-bytes);
            dropped.increment();
        } else {
            queue.add(entry);
        }
    }

    /** Lines that were dropped. */
    public long dropped() {
        return dropped.sum();
    }

    /** Estimated bytes of the waiting records. */
    long waiting() {
        return waiting.get();
    }

    /** Opens the file anew before the next line, after a log rotation has renamed the old file. */
    public void reopen() {
        reopen = true;
    }

    void start() {
        writer.start();
    }

    private void write() {
        byte[] buffer = new byte[BUFFER];
        boolean isLast;
        do {
            isLast = closed;
            int length = 0;
            int count = 0;
            for (AccessRecord entry = queue.poll(); entry != null; entry = queue.poll()) {
                waiting.addAndGet(-entry.heldBytes());
                byte[] line = lines.apply(entry).getBytes(StandardCharsets.UTF_8);
                if (length + line.length > buffer.length) {
                    flush(buffer, length, count);
                    length = 0;
                    count = 0;
                }
                if (line.length > buffer.length) {
                    flush(line, line.length, 1);
                } else {
                    System.arraycopy(line, 0, buffer, length, line.length);
                    length += line.length;
                    count++;
                }
            }
            flush(buffer, length, count);
            tell();
            if (!isLast) {
                LockSupport.parkNanos(IDLE_NANOS);
            }
        } while (!isLast);
    }

    private void flush(byte[] bytes, int length, int count) {
        if (reopen && !target.equals(STANDARD_OUTPUT)) {
            reopen = false;
            try {
                OutputStream next = stream(target);
                out.close();
                out = next;
            } catch (IOException e) {
                LOG.warn("The access log is still written to the old file: {}", e.getMessage());
            }
        }
        if (length == 0) {
            return;
        }
        try {
            out.write(bytes, 0, length);
        } catch (IOException e) {
            dropped.add(count);
        }
    }

    /** Warns of dropped lines, at most once a minute. */
    private void tell() {
        long now = dropped.sum();
        if (now > told && System.nanoTime() - toldNanos >= TELL_NANOS) {
            LOG.warn(
                    "{} lines of the access log {} were dropped: it cannot be written, or not fast enough. "
                            + "Check the disk, or the program that reads it",
                    now,
                    target);
            told = now;
            toldNanos = System.nanoTime();
        }
    }

    /** Writes the waiting records, for five seconds at most. */
    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(writer);
        try {
            writer.join(CLOSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
