package dev.refrain.engine;

import java.security.SecureRandom;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Random numbers for ids: SipHash of a counter under a random key of 128 bits, so that nobody can tell one from any number of others. Thread-safe;
 * whoever needs many has one of its own, as threads that share one take turns at its counter.
 */
final class IdRandom {
    private static final SecureRandom SEEDS = new SecureRandom();
    private static final IdRandom SHARED = new IdRandom();

    private final SipHash hash;
    private final AtomicLong counter = new AtomicLong();

    IdRandom() {
        byte[] key = new byte[SipHash.KEY_LENGTH];
        SEEDS.nextBytes(key);
        hash = new SipHash(key);
    }

    /** One for all whose time does not matter. */
    static IdRandom shared() {
        return SHARED;
    }

    /** A number from 0 to {@link GenerationId#HALF} - 1, each as likely as the others but for a tenth at most. */
    long next() {
        return (hash.of(counter.getAndIncrement()) >>> 1) % GenerationId.HALF;
    }
}
