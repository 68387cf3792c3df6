package dev.refrain.engine.internal;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/** The checksum of an entry: CRC-32C of its key and of all bytes after the checksum. */
public final class EntryChecksum {
    /** Length of the checksum at the beginning of an entry. */
    private static final int LENGTH = 4;

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private EntryChecksum() {}

    /** Writes the checksum of an entry into its first bytes. */
    public static void write(byte[] key, byte[] entry, int length, CRC32C crc) {
        INT.set(entry, 0, of(key, entry, length, crc));
    }

    /** Whether the checksum of an entry is right for this key. */
    public static boolean matches(byte[] key, byte[] entry, int length, CRC32C crc) {
        return length > LENGTH && (int) INT.get(entry, 0) == of(key, entry, length, crc);
    }

    private static int of(byte[] key, byte[] entry, int length, CRC32C crc) {
        crc.reset();
        crc.update(key, 0, key.length);
        crc.update(entry, LENGTH, length - LENGTH);
        return (int) crc.getValue();
    }
}
