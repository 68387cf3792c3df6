package dev.refrain.engine.internal.store;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.zip.CRC32C;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The file whose locks coordinate the processes that share a map. It also records whether the map was closed cleanly.
 *
 * <p>Byte 0 is the <em>gate</em>: locked exclusively while a process opens or closes the map. Byte 1 is
 * <em>membership</em>: locked shared by each process that has the map open. A process that holds the gate and gets
 * membership exclusively is alone with the map. Byte 2 is locked by the process that sweeps. The kernel releases all
 * locks of a process that dies; the count of opens in the record then shows that a process died.
 *
 * <p>Closing any channel of this file releases the locks of the whole process (POSIX), so a process opens it once; see
 * {@link StoreFiles}. Not thread-safe, except {@link #writeTrust}, {@link #beginSweep} and {@link #endSweep}.
 */
final class LockFile implements Closeable {
    private static final Logger LOG = LoggerFactory.getLogger(ChronicleStore.class);

    /** A wait longer than this is logged. Opening or closing a store that is whole takes less. */
    private static final Duration LOG_AFTER = Duration.ofSeconds(2);

    private static final long GATE = 0;
    private static final long MEMBERSHIP = 1;
    private static final long SWEEP = 2;

    private static final long MAGIC = 0x4E49_4152_4645_5221L; // "!REFRAIN" in a dump
    private static final int RECORD_AT = 8;
    private static final int RECORD_LENGTH = 52;
    /** The checksum is directly behind the record, so that one write covers both. */
    private static final int CHECKSUM_AT = RECORD_AT + RECORD_LENGTH;

    private static final int TRUST_AT = CHECKSUM_AT + Integer.BYTES;
    private static final int LENGTH = TRUST_AT + Long.BYTES;

    /**
     * The first version whose record has a checksum, and a check of the map's head where older records have a number
     * of parts.
     */
    private static final int CHECKED_VERSION = 3;

    private final Path file;
    private final FileChannel channel;
    private FileLock gate;
    private FileLock sweep;

    private LockFile(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * The record in the file.
     *
     * @param version format version of the map and the files beside it
     * @param capacityBytes the budget the map was made with
     * @param mapLength length of the map's file in bytes
     * @param opens openings of the map without a closing so far
     * @param headCheck {@link MapHead#check} of the map's file; {@link MapHead#UNKNOWN} before version 3
     * @param preallocated whether the map's file has all of its blocks
     * @param secretCheck which secret the map's keys were derived under; see {@link Secret#check}
     */
    record State(
            int version,
            long capacityBytes,
            long mapLength,
            int opens,
            long headCheck,
            boolean preallocated,
            long secretCheck) {
        State withOpens(int newOpens) {
            return new State(version, capacityBytes, mapLength, newOpens, headCheck, preallocated, secretCheck);
        }

        State asPreallocated() {
            return new State(version, capacityBytes, mapLength, opens, headCheck, true, secretCheck);
        }
    }

    /** The record is damaged. */
    static final class DamagedException extends IOException {
        private static final long serialVersionUID = 1L;

        private DamagedException(Path file) {
            super(file + " is damaged");
        }
    }

    static LockFile open(Path file) throws IOException {
        OwnerOnly.createFile(file);
        return new LockFile(file, FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE));
    }

    /** Reads the record of a file without locking it; null if there is none. */
    static State readOnly(Path file) throws IOException {
        try (LockFile lock = new LockFile(file, FileChannel.open(file, StandardOpenOption.READ))) {
            return lock.read();
        }
    }

    /**
     * Waits for the gate. Logs a long wait: the process that holds the gate may be suspended, or be recovering
     * a large store.
     */
    void enterGate(Duration atMost) throws IOException {
        long start = System.nanoTime();
        boolean logged = false;
        while ((gate = channel.tryLock(GATE, 1, false)) == null) {
            long waited = System.nanoTime() - start;
            if (!logged && waited > LOG_AFTER.toNanos()) {
                logged = true;
                LOG.warn(
                        "Another process is opening or closing the store and holds {}; waiting for it {} s at most",
                        file,
                        atMost.toSeconds());
            }
            if (waited > atMost.toNanos()) {
                throw new IOException("Another process has been opening or closing the store for more than "
                        + atMost.toSeconds() + " s and still holds " + file + "; stop it or try again");
            }
            LockSupport.parkNanos(Duration.ofMillis(10).toNanos());
        }
    }

    void leaveGate() throws IOException {
        gate.release();
        gate = null;
    }

    /** Whether no other process has the map open. Call within the gate, before {@link #join}. */
    boolean isAlone() throws IOException {
        FileLock exclusive = channel.tryLock(MEMBERSHIP, 1, false);
        if (exclusive == null) {
            return false;
        }
        // A process that wants to join has to enter the gate first, so this lock can be released at once.
        exclusive.release();
        return true;
    }

    /** Makes this process a member until {@link #close} or its death. Call within the gate. */
    void join() throws IOException {
        channel.lock(MEMBERSHIP, 1, true);
    }

    /**
     * Lets this process sweep, until {@link #endSweep}. Returns false if a process, this one included,
     * is sweeping already.
     */
    synchronized boolean beginSweep() throws IOException {
        if (sweep == null) {
            sweep = channel.tryLock(SWEEP, 1, false);
            return sweep != null;
        }
        return false;
    }

    synchronized void endSweep() throws IOException {
        FileLock held = sweep;
        sweep = null;
        if (channel.isOpen()) {
            held.release();
        }
    }

    /**
     * The record, or null if there is none.
     *
     * @throws DamagedException if the file has something else in the record's place
     */
    State read() throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(RECORD_LENGTH).order(ByteOrder.LITTLE_ENDIAN);
        int read = 0;
        while (buffer.hasRemaining() && read >= 0) {
            read = channel.read(buffer, RECORD_AT + buffer.position());
        }
        if (buffer.position() == 0) {
            return null;
        }
        buffer.flip();
        if (buffer.remaining() < RECORD_LENGTH || buffer.getLong() != MAGIC) {
            throw new DamagedException(file);
        }
        int version = buffer.getInt();
        if (version == CHECKED_VERSION && readInt(CHECKSUM_AT) != checksum(buffer)) {
            throw new DamagedException(file);
        }
        long capacityBytes = buffer.getLong();
        long mapLength = buffer.getLong();
        int opens = buffer.getInt();
        long headCheck = buffer.getLong();
        return new State(
                version,
                capacityBytes,
                mapLength,
                opens,
                version >= CHECKED_VERSION ? headCheck : MapHead.UNKNOWN,
                buffer.getInt() != 0,
                buffer.getLong());
    }

    private int readInt(long at) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        channel.read(buffer, at);
        return buffer.getInt(0);
    }

    /** The checksum of the whole record. The position of the buffer does not matter. */
    private static int checksum(ByteBuffer record) {
        CRC32C crc = new CRC32C();
        crc.update(record.duplicate().position(0).limit(RECORD_LENGTH));
        return (int) crc.getValue();
    }

    /** Whether an existing file is a lock file: it has a record, whole or damaged, or is too short for one. */
    static boolean isOne(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (channel.size() > LENGTH) {
                return false;
            }
            ByteBuffer begin = ByteBuffer.allocate(RECORD_AT + Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            while (begin.hasRemaining() && channel.read(begin, begin.position()) >= 0) {
                // Until the buffer is full or the file ends.
            }
            return begin.getLong(0) == 0 && (begin.getLong(RECORD_AT) == MAGIC || begin.position() <= RECORD_AT);
        }
    }

    /** The number that {@link #writeTrust} wrote last; 0 if none. */
    long readTrust() throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        return channel.read(buffer, TRUST_AT) == Long.BYTES ? buffer.getLong(0) : 0;
    }

    /**
     * Records the {@link CleanShutdown} number of the map. It is not part of the record, because a process that sees
     * damage erases it at once, outside the gate.
     */
    void writeTrust(long trust) throws IOException {
        channel.write(
                ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(0, trust), TRUST_AT);
        channel.force(false);
    }

    void write(State state) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(RECORD_LENGTH + Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        buffer.putLong(MAGIC)
                .putInt(state.version())
                .putLong(state.capacityBytes())
                .putLong(state.mapLength())
                .putInt(state.opens())
                .putLong(state.headCheck())
                .putInt(state.preallocated() ? 1 : 0)
                .putLong(state.secretCheck());
        buffer.putInt(checksum(buffer)).flip();
        while (buffer.hasRemaining()) {
            channel.write(buffer, RECORD_AT + buffer.position());
        }
        channel.force(false);
    }

    /** Releases all locks. */
    @Override
    public void close() throws IOException {
        channel.close();
    }
}
