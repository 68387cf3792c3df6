package dev.refrain.engine.internal.ids;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Ids of responses, {@code gen-<unix seconds>-<20 of [A-Za-z0-9]>} (wire rule W24). They have a fixed length, so that a
 * stored answer can be given a new id without moving a byte. The 20 characters are two numbers of 59.5 bits each, from
 * {@link IdRandom}, so that no id can be guessed from others. In ids of hits the second number holds the tag of the
 * replayed answer, encrypted ({@link HitIds}).
 */
public final class IdFormat {
    /** Length in bytes and in characters; every id is ASCII. */
    public static final int LENGTH = 35;

    /** The number of values of ten characters: 62 to the power of 10. */
    public static final long HALF = 839_299_365_868_340_224L;
    /** Decimal digits of the seconds: enough until the year 2286. */
    public static final int SECONDS_DIGITS = 10;

    private static final int SECONDS = 4;
    private static final int FIRST = 15;
    private static final int SECOND = 25;
    private static final int HALF_DIGITS = 10;

    private static final byte[] ALPHABET =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".getBytes(StandardCharsets.US_ASCII);
    /** The digit that each ASCII character stands for, or -1. */
    private static final byte[] DIGITS = new byte[128];

    static {
        Arrays.fill(DIGITS, (byte) -1);
        for (int digit = 0; digit < ALPHABET.length; digit++) {
            DIGITS[ALPHABET[digit]] = (byte) digit;
        }
    }

    private IdFormat() {}

    /**
     * Writes an id over the first {@link #LENGTH} bytes of {@code target}.
     *
     * @param first 0 to {@link #HALF} - 1, like {@code second}
     */
    public static void write(long epochSeconds, long first, long second, byte[] target) {
        target[0] = 'g';
        target[1] = 'e';
        target[2] = 'n';
        target[3] = '-';
        writeSeconds(epochSeconds, target, SECONDS);
        target[14] = '-';
        writeHalf(first, target, FIRST);
        writeHalf(second, target, SECOND);
    }

    /** Writes {@link #SECONDS_DIGITS} decimal digits. */
    public static void writeSeconds(long epochSeconds, byte[] target, int offset) {
        long rest = epochSeconds;
        for (int i = offset + SECONDS_DIGITS - 1; i >= offset; i--) {
            target[i] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
    }

    private static void writeHalf(long number, byte[] target, int offset) {
        long rest = number;
        for (int i = offset; i < offset + HALF_DIGITS; i++) {
            target[i] = ALPHABET[(int) (rest % ALPHABET.length)];
            rest /= ALPHABET.length;
        }
    }

    /** Whether a text has the form of these ids. */
    public static boolean isOne(String text) {
        if (text.length() != LENGTH || !text.startsWith("gen-") || text.charAt(14) != '-') {
            return false;
        }
        for (int i = SECONDS; i < 14; i++) {
            if (text.charAt(i) < '0' || text.charAt(i) > '9') {
                return false;
            }
        }
        for (int i = FIRST; i < LENGTH; i++) {
            if (text.charAt(i) >= DIGITS.length || DIGITS[text.charAt(i)] < 0) {
                return false;
            }
        }
        return true;
    }

    /** The first number in an id. */
    public static long first(String id) {
        return readHalf(id, FIRST);
    }

    /** The second number in an id. */
    public static long second(String id) {
        return readHalf(id, SECOND);
    }

    private static long readHalf(String id, int offset) {
        long number = 0;
        for (int i = offset + HALF_DIGITS - 1; i >= offset; i--) {
            number = number * ALPHABET.length + DIGITS[id.charAt(i)];
        }
        return number;
    }
}
