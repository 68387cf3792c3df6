package dev.refrain.engine;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Ids of responses, {@code gen-<unix seconds>-<20 of [A-Za-z0-9]>} (wire rule W24). Fixed width, so that a stored answer can be
 * given a new id without moving a byte. Unique, not secret: 119 random bits from a fast generator.
 */
public final class GenerationId {
    /** Length in bytes and in characters; every id is ASCII. */
    public static final int LENGTH = 35;

    /** Decimal digits of the seconds: enough until the year 2286. */
    static final int SECONDS_DIGITS = 10;

    private static final byte[] ALPHABET =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".getBytes(StandardCharsets.US_ASCII);

    private GenerationId() {}

    /**
     * A new id.
     *
     * @param epochSeconds the current time, seconds since the epoch
     */
    public static String mint(long epochSeconds) {
        byte[] id = new byte[LENGTH];
        write(epochSeconds, id);
        return new String(id, StandardCharsets.ISO_8859_1);
    }

    /** Writes a new id over the first {@link #LENGTH} bytes of {@code target}. */
    static void write(long epochSeconds, byte[] target) {
        target[0] = 'g';
        target[1] = 'e';
        target[2] = 'n';
        target[3] = '-';
        writeSeconds(epochSeconds, target, 4);
        target[14] = '-';
        ThreadLocalRandom random = ThreadLocalRandom.current();
        // 62^10 < 2^60, so ten characters from one long are as good as uniform.
        writeRandom(random.nextLong() >>> 1, target, 15);
        writeRandom(random.nextLong() >>> 1, target, 25);
    }

    /** Writes {@link #SECONDS_DIGITS} decimal digits. */
    static void writeSeconds(long epochSeconds, byte[] target, int offset) {
        long rest = epochSeconds;
        for (int i = offset + SECONDS_DIGITS - 1; i >= offset; i--) {
            target[i] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
    }

    private static void writeRandom(long bits, byte[] target, int offset) {
        long rest = bits;
        for (int i = offset; i < offset + 10; i++) {
            target[i] = ALPHABET[(int) (rest % ALPHABET.length)];
            rest /= ALPHABET.length;
        }
    }
}
