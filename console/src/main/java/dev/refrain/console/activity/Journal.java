package dev.refrain.console.activity;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The file of the log, an SQLite database in WAL mode. It holds batches of records, of which the oldest make room for
 * new ones, and the minutes of the time series. One process at a time has it open.
 *
 * <p>No method throws because of the file or the disk. A damaged file is set aside. If the file cannot be opened or
 * written, a warning is logged, and the log is missing or has a gap. Guarded by the log's lock.
 */
final class Journal {
    private static final Logger LOG = LoggerFactory.getLogger(Journal.class);

    private static final long WARN_NANOS = TimeUnit.MINUTES.toNanos(1);

    /** If no file is named, front-ends that share a store get one file each, up to this many. */
    private static final int MOST_FILES = 8;

    private final Path first;
    private final boolean isNamed;
    private final long maxBytes;
    private final long maxAgeMillis;

    private final NavigableMap<Long, Batch> batches = new TreeMap<>();
    private Path file;
    private boolean failedToOpen;
    private long records;
    private Connection connection;
    private PreparedStatement insertBatch;
    private PreparedStatement insertMinute;
    private PreparedStatement deleteBatch;
    private boolean changed;
    private long uncommitted;
    private long warnedAt = System.nanoTime() - WARN_NANOS;

    Journal(ActivityOptions options) {
        this.first = options.file();
        this.file = first;
        this.isNamed = options.isNamed();
        this.maxBytes = options.maxBytes();
        this.maxAgeMillis = options.maxAge().toMillis();
    }

    // ---- opening and closing

    /** Opens the file, whatever state it is in. If that fails, a later call may succeed. */
    void open(Minutes minutes) {
        if (maxBytes == 0) {
            return;
        }
        file = first;
        try {
            for (int number = 2; !connectUnlessInUse(minutes, isNamed || number > MOST_FILES); number++) {
                file = first.resolveSibling(first.getFileName() + "-" + number);
            }
            if (!file.equals(first)) {
                LOG.info("Requests are logged to {}, since another process uses {}", file, first);
            } else if (failedToOpen) {
                LOG.info("Requests are logged to {} now", file);
            }
            failedToOpen = false;
        } catch (IOException | SQLException | RuntimeException | LinkageError e) {
            disconnect();
            if (!failedToOpen) {
                failedToOpen = true;
                LOG.error(
                        "Requests are not logged: {} cannot be used: {}. Refrain tries again every minute",
                        file,
                        JournalFile.reason(e));
            }
            LOG.debug("Why the log of requests cannot be opened", e);
        }
    }

    private boolean connectUnlessInUse(Minutes minutes, boolean isLast) throws IOException, SQLException {
        try {
            connect(minutes);
        } catch (SQLException | RuntimeException e) {
            disconnect();
            if (JournalFile.isInUse(e) && !isLast) {
                return false;
            }
            if (!JournalFile.isDamage(e)) {
                throw e;
            }
            LOG.warn(
                    "The log of requests is damaged. It was set aside as {}, and a new one is made",
                    JournalFile.setAside(file));
            connect(minutes);
        }
        return true;
    }

    private void connect(Minutes minutes) throws IOException, SQLException {
        connection = JournalFile.connect(file, maxBytes);
        prepareStatements();
        load(minutes);
        connection.commit();
    }

    private void prepareStatements() throws SQLException {
        insertBatch = connection.prepareStatement("insert or replace into batches values (?, ?, ?)");
        insertMinute = connection.prepareStatement("insert or replace into minutes values (?, ?)");
        deleteBatch = connection.prepareStatement("delete from batches where first = ?");
    }

    private void load(Minutes minutes) throws SQLException {
        loadBatches();
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select minute, data from minutes")) {
            while (rows.next()) {
                minutes.restore(rows.getLong(1), rows.getBytes(2));
            }
        }
    }

    private void loadBatches() throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select first, about from batches order by first")) {
            while (rows.next()) {
                remember(Batch.decode(rows.getLong(1), rows.getBytes(2)));
            }
        }
    }

    private void remember(Batch batch) {
        Batch before = batches.put(batch.first(), batch);
        records += batch.records() - (before == null ? 0 : before.records());
    }

    private void disconnect() {
        batches.clear();
        records = 0;
        Connection open = connection;
        connection = null;
        try {
            if (open != null) {
                open.close();
            }
        } catch (SQLException e) {
            LOG.debug("The log of requests was not closed cleanly", e);
        }
    }

    void close() {
        disconnect();
    }

    /** Whether a log is wanted. */
    boolean isWanted() {
        return maxBytes > 0;
    }

    boolean isOpen() {
        return connection != null;
    }

    /** The sequence of the next record. */
    long nextSequence() {
        return batches.isEmpty()
                ? 1
                : batches.lastKey() + batches.lastEntry().getValue().records();
    }

    // ---- writing

    /** Adds a batch, or replaces the shorter batch from which it has grown. Returns false if that failed. */
    boolean put(Batch batch, byte[] data) {
        if (!isOpen()) {
            return false;
        }
        try {
            insertBatch.setLong(1, batch.first());
            insertBatch.setBytes(2, batch.encode());
            insertBatch.setBytes(3, JournalFile.sealed(data));
            insertBatch.executeUpdate();
            remember(batch);
            changed = true;
            uncommitted += data.length;
            if (uncommitted > Math.min(maxBytes / JournalFile.WAL_SHARE, JournalFile.PIECE) / 2) {
                return commit(batch.lastEndMillis());
            }
            return true;
        } catch (SQLException e) {
            failed(e);
            return false;
        }
    }

    /** Returns false on failure, which also loses all that was not committed. */
    boolean putMinute(long minute, byte[] data) {
        if (!isOpen()) {
            return false;
        }
        try {
            insertMinute.setLong(1, minute);
            insertMinute.setBytes(2, data);
            insertMinute.executeUpdate();
            changed = true;
            return true;
        } catch (SQLException e) {
            failed(e);
            return false;
        }
    }

    /**
     * Commits what was put, and removes batches that are too old or exceed the budget. Returns false if that failed.
     */
    boolean commit(long nowMillis) {
        if (!isOpen()) {
            return false;
        }
        try {
            trim(nowMillis);
            if (changed) {
                connection.commit();
                changed = false;
                uncommitted = 0;
            }
            return true;
        } catch (SQLException e) {
            failed(e);
            return false;
        }
    }

    private void trim(long nowMillis) throws SQLException {
        while (!batches.isEmpty() && batches.firstEntry().getValue().lastEndMillis() < nowMillis - maxAgeMillis) {
            removeOldest();
        }
        try (Statement statement = connection.createStatement()) {
            if (changed) {
                statement.executeUpdate("delete from minutes where minute < "
                        + (TimeUnit.MILLISECONDS.toMinutes(nowMillis) - Minutes.KEPT_MINUTES));
            }
            long budget = maxBytes - maxBytes / JournalFile.WAL_SHARE * 2;
            while (batches.size() > 1 && usedBytes(statement) > budget) {
                removeOldest();
            }
            // The file is longer than the budget only after the budget was lowered.
            long length = (long) JournalFile.number(statement, "pragma page_count") * JournalFile.PAGE;
            if (length > maxBytes) {
                statement.execute("pragma incremental_vacuum(" + (length - maxBytes) / JournalFile.PAGE + ")");
                changed = true;
            }
        }
    }

    private static long usedBytes(Statement statement) throws SQLException {
        return ((long) JournalFile.number(statement, "pragma page_count")
                        - JournalFile.number(statement, "pragma freelist_count"))
                * JournalFile.PAGE;
    }

    private void removeOldest() throws SQLException {
        Batch oldest = batches.pollFirstEntry().getValue();
        records -= oldest.records();
        deleteBatch.setLong(1, oldest.first());
        deleteBatch.executeUpdate();
        changed = true;
    }

    /** Recovers from a failed write. Its records are missing from the log; a damaged file is replaced by a new one. */
    private void failed(SQLException e) {
        if (System.nanoTime() - warnedAt >= WARN_NANOS) {
            warnedAt = System.nanoTime();
            LOG.warn(
                    "Records of requests could not be written to {}: {}. Check its disk and permissions",
                    file,
                    e.getMessage());
            LOG.debug("Why", e);
        }
        changed = false;
        uncommitted = 0;
        if (JournalFile.isDamage(e)) {
            disconnect();
            open(new Minutes());
            return;
        }
        try {
            rollBack();
            // The driver has closed the statement that failed; all three are prepared again.
            for (Statement statement : List.of(insertBatch, insertMinute, deleteBatch)) {
                statement.close();
            }
            prepareStatements();
            batches.clear();
            records = 0;
            loadBatches();
            connection.commit();
        } catch (SQLException again) {
            failedToOpen = true;
            LOG.error(
                    "Requests are not logged any more: {} cannot be used: {}. Refrain tries again every minute",
                    file,
                    again.getMessage());
            disconnect();
        }
    }

    private void rollBack() throws SQLException {
        try {
            connection.rollback();
        } catch (SQLException e) {
            // After some errors, such as a full disk, SQLite has rolled back by itself. Then the driver's rollback
            // fails, and begins no new transaction.
            try (Statement statement = connection.createStatement()) {
                statement.execute("begin");
            }
        }
    }

    // ---- reading

    /** See {@link Recorder#batchBefore}. */
    List<Activity> batchBefore(long sequence, long sinceMillis) {
        for (Batch batch : batches.headMap(sequence, false).descendingMap().values()) {
            if (batch.lastEndMillis() < sinceMillis) {
                return List.of();
            }
            List<Activity> read = read(batch);
            if (!read.isEmpty()) {
                return read;
            }
        }
        return List.of();
    }

    /** See {@link Recorder#latest(String, Predicate)}. */
    Optional<Activity> latest(String id, Predicate<Activity> which) {
        for (Batch batch : batches.descendingMap().values()) {
            if (batch.mayHold(id)) {
                Optional<Activity> found = Recorder.latest(read(batch), id, which);
                if (found.isPresent()) {
                    return found;
                }
            }
        }
        return Optional.empty();
    }

    /** The records of a batch; none if it cannot be read. */
    private List<Activity> read(Batch batch) {
        try (PreparedStatement select = connection.prepareStatement("select data from batches where first = ?")) {
            select.setLong(1, batch.first());
            try (ResultSet rows = select.executeQuery()) {
                byte[] data = rows.next() ? JournalFile.unsealed(rows.getBytes(1)) : null;
                return data == null ? List.of() : RecordCodec.decode(data, batch.first());
            }
        } catch (SQLException | IllegalArgumentException e) {
            LOG.debug("A batch of records cannot be read", e);
            return List.of();
        }
    }

    /**
     * The figures of the log.
     *
     * @param growing how many records the growing batch has; some of them may be in the file
     * @param first sequence of the first record of the growing batch
     */
    Stats.Log stats(int growing, long first, long dropped) {
        Batch saved = batches.get(first);
        Batch oldest = batches.isEmpty() ? null : batches.firstEntry().getValue();
        return new Stats.Log(
                records + growing - (saved == null ? 0 : saved.records()),
                bytes(),
                dropped,
                oldest == null ? null : Instant.ofEpochMilli(oldest.firstEndMillis()));
    }

    private long bytes() {
        try {
            Path wal = file.resolveSibling(file.getFileName() + "-wal");
            return isOpen() ? Files.size(file) + (Files.exists(wal) ? Files.size(wal) : 0) : 0;
        } catch (IOException e) {
            return 0;
        }
    }
}
