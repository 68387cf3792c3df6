package dev.refrain.engine.internal.store;

import dev.refrain.engine.internal.EntryChecksum;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;

/** Entries whose content follows from key, generation and length, so that a test can verify them. */
final class TestEntries {
    static final long NEVER = Long.MAX_VALUE;

    private static final int KEY = EntryHead.LENGTH;
    private static final int GENERATION = KEY + 8;
    private static final int CONTENT = GENERATION + 8;
    private static final byte ENGINE_VERSION = 1;

    private TestEntries() {}

    static byte[] key(long number) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(("key " + number).getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    static EntryBuffer entry(long key, long generation, int length) {
        return entry(key, generation, length, 1_000, NEVER);
    }

    static EntryBuffer entry(long key, long generation, int length, long storedAt, long expiresAt) {
        EntryBuffer entry = new EntryBuffer(length);
        ByteBuffer bytes = ByteBuffer.wrap(entry.resize(length)).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put(Kind.OFFSET, ENGINE_VERSION)
                .putLong(EntryHead.STORED_AT, storedAt)
                .putLong(EntryHead.EXPIRES_AT, expiresAt)
                .putLong(KEY, key)
                .putLong(GENERATION, generation);
        bytes.position(CONTENT);
        content(key, generation, bytes);
        EntryChecksum.write(key(key), entry.bytes(), length, new CRC32C());
        return entry;
    }

    /** The check that the engine makes before it uses an entry. */
    static boolean isIntact(long key, EntryBuffer found) {
        return EntryChecksum.matches(key(key), found.bytes(), found.length(), new CRC32C());
    }

    private static void content(long key, long generation, ByteBuffer into) {
        SplittableRandom random = new SplittableRandom(key * 31 + generation * 17 + into.limit());
        while (into.remaining() >= 8) {
            into.putLong(random.nextLong());
        }
        while (into.hasRemaining()) {
            into.put((byte) random.nextInt());
        }
    }

    /** Whether every byte of the buffer is that of an entry that {@link #entry} made for the key. */
    static boolean isGenuine(long key, EntryBuffer found) {
        ByteBuffer bytes = ByteBuffer.wrap(found.bytes(), 0, found.length()).order(ByteOrder.LITTLE_ENDIAN);
        if (found.length() < CONTENT || bytes.getLong(KEY) != key) {
            return false;
        }
        EntryBuffer expected = entry(
                key,
                bytes.getLong(GENERATION),
                found.length(),
                EntryHead.storedAt(found.bytes()),
                EntryHead.expiresAt(found.bytes()));
        return bytes.equals(ByteBuffer.wrap(expected.bytes(), 0, expected.length()));
    }

    static long generation(EntryBuffer found) {
        return ByteBuffer.wrap(found.bytes()).order(ByteOrder.LITTLE_ENDIAN).getLong(GENERATION);
    }
}
