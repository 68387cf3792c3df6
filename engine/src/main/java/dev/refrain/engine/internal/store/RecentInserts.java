package dev.refrain.engine.internal.store;

import dev.refrain.engine.internal.eviction.EvictionPolicy;

/**
 * The latest values that this process put into each segment. Used under the segment's lock.
 *
 * <p>A value is identified by its chunk and the upper bits of its owner's hash; 0 stands for no value.
 */
final class RecentInserts {
    private static final int CHUNK_BITS = 13;
    private static final long CHUNK_MASK = (1 << CHUNK_BITS) - 1;
    static final int NONE = -1;

    private final long[] values;
    private final byte[] next;

    RecentInserts(int segments) {
        values = new long[segments * EvictionPolicy.NEWCOMERS];
        next = new byte[segments];
    }

    private static long value(long owner, int chunk) {
        return (owner & ~CHUNK_MASK) | chunk;
    }

    void add(int segment, long owner, int chunk) {
        values[segment * EvictionPolicy.NEWCOMERS + next[segment]] = value(owner, chunk);
        next[segment] = (byte) ((next[segment] + 1) % EvictionPolicy.NEWCOMERS);
    }

    boolean contains(int segment, long owner, int chunk) {
        int first = segment * EvictionPolicy.NEWCOMERS;
        for (int i = first; i < first + EvictionPolicy.NEWCOMERS; i++) {
            if (values[i] == value(owner, chunk)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Removes the oldest insert and returns it, or {@link #NONE} if there is none. {@link #chunk} gives its chunk; the
     * caller checks with {@link #isAt} whether the value is still there.
     */
    long takeOldest(int segment) {
        int at = segment * EvictionPolicy.NEWCOMERS + next[segment];
        long value = values[at];
        values[at] = 0;
        return value == 0 ? NONE : value;
    }

    static int chunk(long newcomer) {
        return (int) (newcomer & CHUNK_MASK);
    }

    static boolean isAt(long newcomer, long owner, int chunk) {
        return newcomer == value(owner, chunk);
    }
}
