package dev.refrain.engine.internal.hot;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Estimates how often keys were requested lately, by a count-min sketch (Cormode, Muthukrishnan 2005) with two counters
 * per hash. Counters are halved group by group. A race may lose a count, which is harmless.
 */
final class Frequencies {
    static final int MAX = 31;
    private static final int COUNTERS_PER_RECORD = 8;
    /** Counters halved in one step. */
    private static final int GROUP = Long.BYTES;

    private static final int TURN = 128;

    private static final long HALVED = 0x7F7F7F7F7F7F7F7FL;
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

    private final byte[] counters;
    private int hand;

    /** @param records number of keys to tell apart; a power of two */
    Frequencies(int records) {
        counters = new byte[records * COUNTERS_PER_RECORD];
    }

    /** Counts a request. Writes nothing once the maximum is reached, so the cache lines of popular keys stay shared. */
    int count(long hash) {
        int frequency = of(hash);
        if (frequency < MAX) {
            raise(first(hash), frequency);
            raise(second(hash), frequency);
            return frequency + 1;
        }
        return frequency;
    }

    private void raise(int counter, int from) {
        if (counters[counter] == from) {
            counters[counter] = (byte) (from + 1);
        }
    }

    int of(long hash) {
        return Math.min(counters[first(hash)], counters[second(hash)]);
    }

    /**
     * Halves one group of counters. Called only while records compete for room; otherwise old counts do no harm.
     *
     * @return true in one of {@value #TURN} calls
     */
    boolean age() {
        int next = (hand + GROUP) & (counters.length - 1);
        LONG.set(counters, next, ((long) LONG.get(counters, next) >>> 1) & HALVED);
        hand = next;
        return (next / GROUP) % TURN == 0;
    }

    private int first(long hash) {
        return (int) (hash >>> 12) & (counters.length - 1);
    }

    private int second(long hash) {
        return (int) (hash >>> 34) & (counters.length - 1);
    }
}
