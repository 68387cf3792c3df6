package dev.refrain.semantics;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A number of bytes as a user writes it: {@code 1GiB}, {@code 512MiB}, {@code 64KiB} or plain bytes.
 *
 * <p>Immutable and thread-safe.
 *
 * @param bytes the size in bytes
 */
public record ByteSize(long bytes) implements Comparable<ByteSize> {
    private static final Pattern FORMAT = Pattern.compile("([0-9]{1,18})(B|KiB|MiB|GiB|TiB)?");
    /** Each unit is 1024 times the one before. */
    private static final List<String> UNITS = List.of("B", "KiB", "MiB", "GiB", "TiB");

    /**
     * Reads a size.
     *
     * @throws IllegalArgumentException if it is not written as described above
     * @throws ArithmeticException if it does not fit a long
     */
    public static ByteSize parse(String text) {
        Matcher matcher = FORMAT.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("not a size in bytes: " + text);
        }
        int unit = matcher.group(2) == null ? 0 : UNITS.indexOf(matcher.group(2));
        return new ByteSize(Math.multiplyExact(Long.parseLong(matcher.group(1)), 1L << (10 * unit)));
    }

    @Override
    public int compareTo(ByteSize other) {
        return Long.compare(bytes, other.bytes);
    }

    /** The size in its largest whole unit; {@link #parse} reads it back. */
    @Override
    public String toString() {
        int unit = bytes == 0 ? 0 : Math.min(Long.numberOfTrailingZeros(bytes) / 10, UNITS.size() - 1);
        return (bytes >> (10 * unit)) + UNITS.get(unit);
    }
}
