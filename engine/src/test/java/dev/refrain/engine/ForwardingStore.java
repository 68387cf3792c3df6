package dev.refrain.engine;

import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.HeapStore;
import dev.refrain.engine.spi.StoreStats;
import java.util.List;
import java.util.function.Predicate;

/** A store on the heap. A test overrides the methods that it watches or disturbs. */
class ForwardingStore implements CacheStore {
    private final CacheStore inner = new HeapStore(1L << 30);

    @Override
    public boolean get(byte[] key, EntryBuffer into) {
        return inner.get(key, into);
    }

    @Override
    public boolean head(byte[] key, byte[] into) {
        return inner.head(key, into);
    }

    @Override
    public boolean put(byte[] key, EntryBuffer entry) {
        return inner.put(key, entry);
    }

    @Override
    public boolean putIf(byte[] key, EntryBuffer entry, Predicate<byte[]> replaces) {
        return inner.putIf(key, entry, replaces);
    }

    @Override
    public boolean remove(byte[] key) {
        return inner.remove(key);
    }

    @Override
    public long sweep(long nowMillis) {
        return inner.sweep(nowMillis);
    }

    @Override
    public long removeIf(Predicate<byte[]> head) {
        return inner.removeIf(head);
    }

    @Override
    public List<byte[]> find(Predicate<byte[]> key) {
        return inner.find(key);
    }

    @Override
    public StoreStats stats() {
        return inner.stats();
    }

    @Override
    public byte[] secret() {
        return inner.secret();
    }

    @Override
    public void close() {
        inner.close();
    }
}
