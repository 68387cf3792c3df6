package dev.refrain.console.activity;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.zip.CRC32C;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

/** The database of a {@link Journal}: opens it, classifies its errors, and detects damage. Stateless. */
final class JournalFile {
    /** {@code Refr}, the application id in the file's header, by which the command {@code file} knows it. */
    private static final int APPLICATION_ID = 0x52656672;

    private static final int VERSION = 1;
    static final int PAGE = 16 * 1024;
    /**
     * The write-ahead log may take the budget divided by this number. The database leaves the same amount free, for the
     * pages that a checkpoint moves there from the write-ahead log.
     */
    static final int WAL_SHARE = 20;
    /** Limit of what one commit or checkpoint writes, in bytes: other threads get the processor in between. */
    static final int PIECE = 512 * 1024;

    private JournalFile() {}

    /** Opens a file, or makes it. Fails if another process has it open. */
    static Connection connect(Path file, long maxBytes) throws IOException, SQLException {
        createOwnerOnly(file);
        Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
        try (Statement statement = connection.createStatement()) {
            statement.execute("pragma busy_timeout=500");
            statement.execute("pragma page_size=" + PAGE);
            statement.execute("pragma auto_vacuum=incremental");
            // Set before the first access, so that SQLite makes no shared-memory file, and a second process gets an
            // error.
            statement.execute("pragma locking_mode=exclusive");
            statement.execute("pragma journal_mode=wal");
            statement.execute("pragma synchronous=off");
            statement.execute("pragma wal_autocheckpoint=" + Math.min(maxBytes / WAL_SHARE, PIECE) / PAGE);
            statement.execute("pragma journal_size_limit=" + maxBytes / WAL_SHARE);
            connection.setAutoCommit(false);
            prepareTables(statement);
            return connection;
        } catch (SQLException | RuntimeException e) {
            connection.close();
            throw e;
        }
    }

    private static void createOwnerOnly(Path file) throws IOException {
        try {
            Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        } catch (UnsupportedOperationException noSuchPermissions) {
            // The file system has no POSIX permissions, so those of the folder have to do.
        } catch (FileAlreadyExistsException e) {
            if (!Files.isRegularFile(file)) {
                throw new IOException("it is not a regular file", e);
            }
        }
    }

    private static void prepareTables(Statement statement) throws SQLException {
        int application = number(statement, "pragma application_id");
        int version = number(statement, "pragma user_version");
        if (number(statement, "select count(*) from sqlite_master") == 0 && application == 0) {
            statement.execute("pragma application_id=" + APPLICATION_ID);
            statement.execute("pragma user_version=" + VERSION);
            statement.execute(
                    "create table batches (first integer primary key, about blob not null, data blob not null)");
            statement.execute("create table minutes (minute integer primary key, data blob not null)");
        } else if (application != APPLICATION_ID || version != VERSION) {
            throw new IllegalStateException("it is not a log that this version of Refrain can read; move it away");
        }
    }

    static int number(Statement statement, String query) throws SQLException {
        try (ResultSet rows = statement.executeQuery(query)) {
            return rows.next() ? rows.getInt(1) : 0;
        }
    }

    static boolean isInUse(Throwable e) {
        return e instanceof SQLiteException sqlite && code(sqlite) == SQLiteErrorCode.SQLITE_BUSY.code;
    }

    static String reason(Throwable e) {
        if (isInUse(e)) {
            return "another process uses it";
        }
        if (e instanceof SQLException && e.getCause() != null) {
            // The driver has no native library for this system; the cause says so.
            return e.getMessage() + ": " + e.getCause().getMessage();
        }
        return e instanceof IOException ? e.getClass().getSimpleName() + " " + e.getMessage() : e.getMessage();
    }

    private static int code(SQLiteException e) {
        return e.getResultCode().code & 0xFF;
    }

    static boolean isDamage(Throwable e) {
        if (e instanceof SQLiteException sqlite) {
            int code = code(sqlite);
            return code == SQLiteErrorCode.SQLITE_CORRUPT.code || code == SQLiteErrorCode.SQLITE_NOTADB.code;
        }
        // With an undamaged file, nothing here throws a RuntimeException.
        return e instanceof RuntimeException;
    }

    /** Renames the file, and returns the new name. */
    static Path setAside(Path file) throws IOException {
        String time = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'")
                .withZone(ZoneOffset.UTC)
                .format(Instant.now());
        Path aside = file.resolveSibling(file.getFileName() + ".damaged-" + time);
        Files.move(file, aside, StandardCopyOption.REPLACE_EXISTING);
        Files.deleteIfExists(file.resolveSibling(file.getFileName() + "-wal"));
        return aside;
    }

    /** Checksum and data. The database itself notices only damage to its structure. */
    static byte[] sealed(byte[] data) {
        return ByteBuffer.allocate(Integer.BYTES + data.length)
                .putInt(checksum(data, 0))
                .put(data)
                .array();
    }

    static byte[] unsealed(byte[] sealed) {
        if (sealed.length < Integer.BYTES || ByteBuffer.wrap(sealed).getInt() != checksum(sealed, Integer.BYTES)) {
            throw new IllegalArgumentException("a checksum does not match");
        }
        return Arrays.copyOfRange(sealed, Integer.BYTES, sealed.length);
    }

    private static int checksum(byte[] bytes, int from) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, from, bytes.length - from);
        return (int) crc.getValue();
    }
}
