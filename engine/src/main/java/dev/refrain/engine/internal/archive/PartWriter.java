package dev.refrain.engine.internal.archive;

import dev.refrain.engine.spi.EntryBuffer;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * Writes one part file of an archive: a head, then records (length, key, entry), then a length of 0, the number of
 * records, and the SHA-256 of everything before. Not thread-safe.
 */
final class PartWriter implements AutoCloseable {
    static final byte[] MAGIC = "REFRAINA".getBytes(StandardCharsets.US_ASCII);
    static final int HEAD_BYTES = 16;
    /** Length of the file's end: a length of 0, the number of records, the checksum. */
    static final int TAIL_BYTES = Integer.BYTES + Long.BYTES + 32;

    private static final int BUFFER = 1 << 16;

    private final DigestOutputStream digest;
    private final OutputStream out;
    private final ByteBuffer number = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private long records;

    PartWriter(Path file, int part) throws IOException {
        digest = new DigestOutputStream(Files.newOutputStream(file), sha256());
        out = new BufferedOutputStream(digest, BUFFER);
        out.write(MAGIC);
        write(Manifest.FORMAT);
        write(part);
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }

    private void write(int value) throws IOException {
        out.write(number.clear().putInt(value).array(), 0, Integer.BYTES);
    }

    void add(byte[] key, EntryBuffer entry) throws IOException {
        write(entry.length());
        out.write(key);
        out.write(entry.bytes(), 0, entry.length());
        records++;
    }

    /** Writes the end of the file. */
    void end() throws IOException {
        write(0);
        out.write(number.clear().putLong(records).array());
        out.flush();
        digest.on(false);
        out.write(digest.getMessageDigest().digest());
        out.flush();
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
