package dev.refrain.engine.internal.store;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.engine.spi.StoreStats;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;

/** The obvious store without limits: what the others are held against, and quick. */
public final class HeapStore implements CacheStore {
    private final Map<CacheKey, byte[]> entries = new ConcurrentHashMap<>();
    private final AtomicLong expirations = new AtomicLong();
    private final byte[] secret = new byte[32];
    private volatile boolean closed;

    public HeapStore() {
        new SecureRandom().nextBytes(secret);
    }

    @Override
    public boolean get(CacheKey key, EntryBuffer into) {
        byte[] entry = closed ? null : entries.get(key);
        if (entry == null) {
            return false;
        }
        System.arraycopy(entry, 0, into.resize(entry.length), 0, entry.length);
        return true;
    }

    @Override
    public boolean put(CacheKey key, EntryBuffer entry) {
        if (entry.length() < EntryHead.LENGTH) {
            throw new IllegalArgumentException("No head");
        }
        if (closed) {
            return false;
        }
        entries.put(key, Arrays.copyOf(entry.bytes(), entry.length()));
        return true;
    }

    @Override
    public boolean remove(CacheKey key) {
        return !closed && entries.remove(key) != null;
    }

    @Override
    public long sweep(long nowMillis) {
        long before = entries.size();
        entries.values().removeIf(entry -> EntryHead.expiresAt(entry) <= nowMillis);
        long swept = before - entries.size();
        expirations.addAndGet(swept);
        return swept;
    }

    @Override
    public long removeIf(Predicate<byte[]> head) {
        long before = entries.size();
        entries.values().removeIf(entry -> head.test(entry));
        return before - entries.size();
    }

    @Override
    public List<byte[]> find(Predicate<byte[]> key) {
        return entries.keySet().stream()
                .map(each -> {
                    byte[] bytes = new byte[CacheKey.LENGTH];
                    each.copyTo(bytes, 0);
                    return bytes;
                })
                .filter(key)
                .toList();
    }

    @Override
    public StoreStats stats() {
        long bytes = entries.values().stream().mapToLong(entry -> entry.length).sum();
        return new StoreStats(entries.size(), bytes, Long.MAX_VALUE, 0, expirations.get(), 0, 0);
    }

    @Override
    public byte[] secret() {
        return secret.clone();
    }

    @Override
    public void close() {
        closed = true;
        entries.clear();
    }
}
