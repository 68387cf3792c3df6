package dev.refrain.engine.internal.ids;

import java.security.SecureRandom;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Random numbers for ids: SipHash of a counter under a random key of 128 bits, so
 * that nobody can tell one from any number of others. Thread-safe; whoever needs
 * many has one of its own, as threads that share one take turns at its counter.
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

    /** One for all whose time does not matter. */
    public static IdRandom shared() {
        return SHARED;
    }

    /** A number from 0 to {@link IdFormat#HALF} - 1, each as likely as the others but for a tenth at most. */
    public long next() {
        return (hash.of(counter.getAndIncrement()) >>> 1) % IdFormat.HALF;
    }
}
