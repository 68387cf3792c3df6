package dev.refrain.jmh.tool;

import dev.refrain.engine.internal.EntryChecksum;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;

/**
 * Determines every byte that a writer stores in each of its steps, from the numbers of writer and step alone. An entry
 * contains both numbers, so a reader can check that the writer stored it under that key.
 */
final class SoakPlan {
    /** More keys than the smallest store has room for. */
    static final int KEYS = 2_000;

    static final long NEVER = Long.MAX_VALUE;

    private static final int WRITER = EntryHead.LENGTH;
    private static final int STEP = WRITER + 4;
    private static final int CONTENT = STEP + 4;
    private static final int VERSION_AT = 4;
    private static final byte VERSION = 1;

    private final CRC32C crc = new CRC32C();

    /**
     * @param key number of the key
     * @param length of the entry; one in forty is large
     * @param ttlMillis lifetime; short for one entry in five, unlimited for the others
     */
    record Step(int key, int length, long ttlMillis) {}

    static Step step(int writer, int step) {
        SplittableRandom random = random(writer, step);
        int key = random.nextInt(KEYS);
        int length = random.nextInt(40) == 0 ? random.nextInt(40_000, 500_000) : random.nextInt(100, 8_000);
        return new Step(key, length, random.nextInt(5) == 0 ? random.nextInt(1, 200) : NEVER);
    }

    private static SplittableRandom random(int writer, int step) {
        return new SplittableRandom((long) writer << 32 | step);
    }

    static byte[] key(int number) {
        byte[] digest = new byte[CacheStore.KEY_LENGTH];
        new SplittableRandom(number).nextBytes(digest);
        return digest;
    }

    EntryBuffer entry(int writer, int step, long nowMillis) {
        Step planned = step(writer, step);
        long expiresAt = planned.ttlMillis() == NEVER ? NEVER : nowMillis + planned.ttlMillis();
        return entry(writer, step, planned, nowMillis, expiresAt);
    }

    private EntryBuffer entry(int writer, int step, Step planned, long storedAt, long expiresAt) {
        EntryBuffer entry = new EntryBuffer(planned.length());
        ByteBuffer bytes = ByteBuffer.wrap(entry.resize(planned.length())).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put(VERSION_AT, VERSION)
                .putLong(EntryHead.STORED_AT, storedAt)
                .putLong(EntryHead.EXPIRES_AT, expiresAt)
                .putInt(WRITER, writer)
                .putInt(STEP, step)
                .position(CONTENT);
        SplittableRandom random = random(writer, ~step);
        while (bytes.remaining() >= Long.BYTES) {
            bytes.putLong(random.nextLong());
        }
        EntryChecksum.write(key(planned.key()), entry.bytes(), entry.length(), crc);
        return entry;
    }

    /** Whether an entry found under a key equals, in every byte, one that some writer stored there. */
    boolean isGenuine(int key, EntryBuffer found) {
        if (found.length() < CONTENT) {
            return false;
        }
        ByteBuffer bytes = ByteBuffer.wrap(found.bytes(), 0, found.length()).order(ByteOrder.LITTLE_ENDIAN);
        int writer = bytes.getInt(WRITER);
        int step = bytes.getInt(STEP);
        Step planned = step(writer, step);
        if (planned.key() != key || planned.length() != found.length()) {
            return false;
        }
        EntryBuffer expected =
                entry(writer, step, planned, EntryHead.storedAt(found.bytes()), EntryHead.expiresAt(found.bytes()));
        return bytes.equals(ByteBuffer.wrap(expected.bytes(), 0, expected.length()));
    }
}
