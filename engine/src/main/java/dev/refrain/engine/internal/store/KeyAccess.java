package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.CacheStore;
import net.openhft.chronicle.algo.hashing.LongHashFunction;
import net.openhft.chronicle.bytes.BytesStore;
import net.openhft.chronicle.bytes.RandomDataInput;
import net.openhft.chronicle.hash.AbstractData;
import net.openhft.chronicle.hash.Data;
import net.openhft.chronicle.hash.serialization.DataAccess;
import net.openhft.chronicle.wire.WireIn;
import net.openhft.chronicle.wire.WireOut;

/**
 * Passes keys to the map. Copies each key, because Chronicle Map's own access for byte arrays wraps each key in new
 * objects: 192 bytes of garbage for a read.
 *
 * <p>The header of every map's file names this class, so renaming or moving the class makes existing files unreadable.
 */
public final class KeyAccess extends AbstractData<byte[]> implements DataAccess<byte[]> {
    private byte[] key;
    private BytesStore<?, ?> bytes;

    /** Called by Chronicle Map, once for each thread's context. */
    public KeyAccess() {
        init();
    }

    private void init() {
        key = new byte[CacheStore.KEY_LENGTH];
        bytes = BytesStore.wrap(key);
    }

    @Override
    public Data<byte[]> getData(byte[] instance) {
        System.arraycopy(instance, 0, key, 0, CacheStore.KEY_LENGTH);
        return this;
    }

    @Override
    public void uninit() {
        // The copy need not be erased: it is a digest.
    }

    @Override
    public DataAccess<byte[]> copy() {
        return new KeyAccess();
    }

    @Override
    public RandomDataInput bytes() {
        return bytes;
    }

    @Override
    public long offset() {
        return 0;
    }

    @Override
    public long size() {
        return CacheStore.KEY_LENGTH;
    }

    /** The same hash as Chronicle Map's default, but without an access object, because every hit hashes a key. */
    @Override
    public long hash(LongHashFunction function) {
        return function.hashBytes(key);
    }

    @Override
    public byte[] get() {
        return key;
    }

    @Override
    public byte[] getUsing(byte[] using) {
        byte[] target =
                using != null && using.length == CacheStore.KEY_LENGTH ? using : new byte[CacheStore.KEY_LENGTH];
        System.arraycopy(key, 0, target, 0, CacheStore.KEY_LENGTH);
        return target;
    }

    @Override
    public void writeMarshallable(WireOut wireOut) {
        // There are no settings to write.
    }

    @Override
    public void readMarshallable(WireIn wireIn) {
        // Chronicle Wire makes instances without running a constructor.
        init();
    }
}
