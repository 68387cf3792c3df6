package dev.refrain.engine.internal.ids;

import java.security.SecureRandom;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Random numbers for ids: SipHash of a counter under a random key of 128 bits, so that no number can be predicted from
 * others. Thread-safe. Code that needs many numbers should have an instance of its own, because threads that share one
 * contend for its counter.
 */
public final class IdRandom {
    private static final SecureRandom SEEDS = new SecureRandom();
    private static final IdRandom SHARED = new IdRandom();

    private final SipHash hash;
    private final AtomicLong counter = new AtomicLong();

    public IdRandom() {
        byte[] key = new byte[SipHash.KEY_LENGTH];
        SEEDS.nextBytes(key);
        hash = new SipHash(key);
    }

    /** A shared instance, for code that needs few numbers. */
    public static IdRandom shared() {
        return SHARED;
    }

    /** A number from 0 to {@link IdFormat#HALF} - 1. The probabilities of two numbers differ by a tenth at most. */
    public long next() {
        return (hash.of(counter.getAndIncrement()) >>> 1) % IdFormat.HALF;
    }
}
