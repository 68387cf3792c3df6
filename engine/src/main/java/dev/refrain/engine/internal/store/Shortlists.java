package dev.refrain.engine.internal.store;

import java.util.Arrays;

/**
 * For each segment, the runs of lowest worth at the last full sample. The bound of a list is the highest worth on it at
 * that time. While a listed run is worth no more than the bound, a new sample would find no better run, unless the
 * worth of other values has fallen since. So a list is used no more often than it is long, and only until the next
 * value expires. A list made for a larger room does not serve a much smaller room, for which single values cost less
 * than runs. Used under the segment's lock.
 *
 * <p>A value is identified by its chunk and some bits of its owner's hash. The chunk may have another value by now, so
 * a user of a list checks with {@link #isAt}. Lists take 50 MiB for each TiB of the store.
 */
final class Shortlists {
    static final int LENGTH = 8;
    private static final int CHUNK_BITS = 13;
    private static final int CHUNK_MASK = (1 << CHUNK_BITS) - 1;

    private final int[] values;
    private final float[] bounds;
    private final long[] ends;
    private final short[] rooms;
    private final byte[] uses;

    Shortlists(int segments) {
        values = new int[Math.multiplyExact(segments, LENGTH)];
        bounds = new float[segments];
        ends = new long[segments];
        rooms = new short[segments];
        uses = new byte[segments];
    }

    private static int value(long owner, int chunk) {
        return ((int) (owner >>> Integer.SIZE) & ~CHUNK_MASK) | chunk;
    }

    void set(int segment, int index, long owner, int chunk) {
        values[segment * LENGTH + index] = value(owner, chunk);
    }

    /**
     * Completes a list whose values have been set.
     *
     * @param chunks length of the room that the list was made for
     * @param endMillis when the next value expires
     * @param bound the worth per chunk of the last run
     */
    void set(int segment, int length, int chunks, long endMillis, double bound) {
        int first = segment * LENGTH;
        Arrays.fill(values, first + length, first + LENGTH, 0);
        bounds[segment] = (float) bound;
        ends[segment] = endMillis;
        rooms[segment] = (short) chunks;
        uses[segment] = (byte) length;
    }

    /** Whether there is a list that serves a room of this length. Counts as a use of the list. */
    boolean use(int segment, int chunks, long nowMillis) {
        boolean serves = uses[segment] > 0 && nowMillis < ends[segment] && chunks * 8 >= rooms[segment] * 7;
        if (serves) {
            uses[segment]--;
        }
        return serves;
    }

    /** Drops a list. Needs no lock: in the worst case the list is used once more. */
    void drop(int segment) {
        uses[segment] = 0;
    }

    int chunk(int segment, int index) {
        return values[segment * LENGTH + index] & CHUNK_MASK;
    }

    /** Whether the value at the chunk is the listed one. */
    boolean isAt(int segment, int index, long owner, int chunk) {
        return values[segment * LENGTH + index] == value(owner, chunk);
    }

    double bound(int segment) {
        return bounds[segment];
    }
}
