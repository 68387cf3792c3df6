package dev.refrain.engine.internal.archive;

import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;

/** Reads one part file of an archive. Verifies its checksum before it returns any record. Not thread-safe. */
final class PartReader implements AutoCloseable {
    private static final int BUFFER = 1 << 16;

    private final Path file;
    private final DataInputStream in;
    private final byte[] key = new byte[CacheStore.KEY_LENGTH];
    /** Bytes left for further records. */
    private long left;

    /** @throws IOException if the file cannot be read or is damaged; the message names it */
    PartReader(Path file, int part) throws IOException {
        this.file = file;
        this.left = Files.size(file) - PartWriter.HEAD_BYTES - PartWriter.TAIL_BYTES;
        if (left < 0) {
            throw damaged("is cut short");
        }
        verify();
        in = open();
        byte[] magic = in.readNBytes(PartWriter.MAGIC.length);
        int format = Integer.reverseBytes(in.readInt());
        int number = Integer.reverseBytes(in.readInt());
        if (!Arrays.equals(magic, PartWriter.MAGIC) || format != Manifest.FORMAT || number != part) {
            in.close();
            throw damaged("is no part " + part + " of an archive of format " + Manifest.FORMAT);
        }
    }

    private DataInputStream open() throws IOException {
        return new DataInputStream(new BufferedInputStream(Files.newInputStream(file), BUFFER));
    }

    private IOException damaged(String what) {
        return new IOException(
                file + " " + what + "; delete it and export into the folder again, which writes what is missing");
    }

    private void verify() throws IOException {
        MessageDigest sha256 = PartWriter.sha256();
        byte[] piece = new byte[BUFFER];
        try (InputStream bytes = Files.newInputStream(file)) {
            long before = Files.size(file) - sha256.getDigestLength();
            while (before > 0) {
                int length = bytes.read(piece, 0, (int) Math.min(piece.length, before));
                if (length < 0) {
                    throw damaged("is cut short");
                }
                sha256.update(piece, 0, length);
                before -= length;
            }
            if (!Arrays.equals(sha256.digest(), bytes.readNBytes(sha256.getDigestLength()))) {
                throw damaged("is damaged: its SHA-256 does not match");
            }
        }
    }

    /** The key of the record that was read last; reused. */
    byte[] key() {
        return key;
    }

    /** Reads the next record. Returns false if there is none. */
    boolean next(EntryBuffer into) throws IOException {
        int length = Integer.reverseBytes(in.readInt());
        if (length == 0) {
            return false;
        }
        if (length < EntryHead.LENGTH || length > left - Integer.BYTES - key.length) {
            throw damaged("has a record of " + length + " bytes, which is impossible");
        }
        left -= Integer.BYTES + key.length + length;
        try {
            in.readFully(key);
            in.readFully(into.resize(length), 0, length);
        } catch (EOFException e) {
            throw damaged("was cut while it was read");
        }
        return true;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
