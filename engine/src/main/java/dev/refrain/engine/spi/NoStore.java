package dev.refrain.engine.spi;

import java.security.SecureRandom;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Predicate;

/**
 * Keeps nothing and counts the dropped entries, for a host that runs although its store cannot be opened. Simultaneous
 * identical requests still share one upstream call. Thread-safe.
 */
public final class NoStore implements CacheStore {
    private static final int SECRET_LENGTH = 32;

    private final byte[] secret = new byte[SECRET_LENGTH];
    private final LongAdder drops = new LongAdder();

    /** A store with a secret of its own. */
    public NoStore() {
        new SecureRandom().nextBytes(secret);
    }

    @Override
    public boolean get(byte[] key, EntryBuffer into) {
        return false;
    }

    @Override
    public boolean put(byte[] key, EntryBuffer entry) {
        drops.increment();
        return false;
    }

    @Override
    public boolean remove(byte[] key) {
        return false;
    }

    @Override
    public long sweep(long nowMillis) {
        return 0;
    }

    @Override
    public long removeIf(Predicate<byte[]> head) {
        return 0;
    }

    @Override
    public List<byte[]> find(Predicate<byte[]> key) {
        return List.of();
    }

    @Override
    public StoreStats stats() {
        return new StoreStats(0, 0, 0, 0, 0, drops.sum(), 0);
    }

    @Override
    public byte[] secret() {
        return secret.clone();
    }

    @Override
    public void close() {
        // There is nothing to release.
    }
}
