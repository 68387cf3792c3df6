package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.CacheStore;

class HeapStoreTest extends CacheStoreContract {
    @Override
    protected CacheStore open() {
        return new HeapStore();
    }
}
