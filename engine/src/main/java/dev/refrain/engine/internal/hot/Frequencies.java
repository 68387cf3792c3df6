package dev.refrain.engine.internal.hot;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Roughly how often things were asked for lately: a count-min sketch (Cormode, Muthukrishnan 2005) of two counters for each hash, whose
 * counters are halved one group after the other. Racing threads may lose a count, which does no harm.
 */
final class Frequencies {
    static final int MAX = 31;
    private static final int COUNTERS_PER_RECORD = 8;
    /** Halved at once. What is asked for once raises two counters, so that most of them are 0 when nothing is asked for twice. */
    private static final int GROUP = Long.BYTES;

    private static final int TURN = 128;

    private static final long HALVED = 0x7F7F7F7F7F7F7F7FL;
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

    private final byte[] counters;
    private int hand;

    /** @param records a power of two: how many things there are to tell apart */
    Frequencies(int records) {
        counters = new byte[records * COUNTERS_PER_RECORD];
    }

    /** Counts a hash. Writes nothing once it is known to be frequent, so that what everybody asks for stays in every cache. */
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
     * Halves some of the counters. To be called where things compete: without that nothing has to be forgotten.
     *
     * @return true once in {@value #TURN} times
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
