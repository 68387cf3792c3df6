package dev.refrain.spring;

import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.ResponseCacheBuilder;
import dev.refrain.engine.spi.ForeignFileException;
import dev.refrain.engine.spi.NoStore;
import dev.refrain.semantics.key.KeyPlaces;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.util.unit.DataSize;

/**
 * A context's reference to the cache. A process can open a file only once, but may have several contexts, such as those
 * that tests cache. They share the cache that the first one has opened, and the last one closes it. Thread-safe.
 */
final class Store implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Store.class);

    /** Open caches by file. Guarded by the map itself, as is {@link #holders}. */
    private static final Map<Path, Store> OPEN = new HashMap<>();

    /** The cache's file; null for a cache on the heap, which is not shared. */
    private final Path file;

    private final ResponseCache cache;
    private int holders = 1;

    private Store(Path file, ResponseCache cache) {
        this.file = file;
        this.cache = cache;
    }

    /**
     * Opens the cache, or shares it. If its file cannot be opened, an error is logged, and the program runs with a
     * cache that stores nothing.
     *
     * @throws InvalidConfigurationPropertyValueException if a setting is wrong, or a flag of the JVM is missing
     */
    static Store open(RefrainProperties properties) {
        Path file = properties.isOnHeap()
                ? null
                : Path.of(properties.store()).toAbsolutePath().normalize();
        synchronized (OPEN) {
            Store store = OPEN.get(file);
            if (store != null) {
                store.holders++;
                return store;
            }
            store = new Store(file, cache(properties));
            if (file != null) {
                OPEN.put(file, store);
            }
            return store;
        }
    }

    private static ResponseCache cache(RefrainProperties properties) {
        try {
            return builder(properties).open();
        } catch (IllegalStateException flags) {
            throw new InvalidConfigurationPropertyValueException(
                    "refrain.store",
                    properties.store(),
                    flags.getMessage() + "; or set refrain.store=heap, which needs no flag");
        } catch (ForeignFileException e) {
            throw new InvalidConfigurationPropertyValueException("refrain.store", properties.store(), e.getMessage());
        } catch (IOException e) {
            LOG.error("Nothing will be cached. {}. Put that right and restart", e.getMessage());
            LOG.debug("Why the store could not be opened", e);
            return withoutStore(properties);
        }
    }

    private static ResponseCacheBuilder builder(RefrainProperties properties) {
        DataSize capacity = properties.capacity();
        try {
            ResponseCacheBuilder builder = properties.isOnHeap()
                    ? ResponseCache.onHeap(capacity.toBytes())
                    : ResponseCache.builder(Path.of(properties.store()))
                            .capacityBytes(capacity.toBytes())
                            .seal(properties.seal());
            KeyPlaces.parse(properties.key().ignore(), properties.key().normalization())
                    .forEach(builder::keyRules);
            // The context closes the cache, after all beans that use it.
            return builder.staleIfError(properties.staleIfError())
                    .recordPace(properties.recordPace())
                    .closeOnExit(false);
        } catch (IllegalArgumentException e) {
            throw new InvalidConfigurationPropertyValueException("refrain.capacity", capacity, e.getMessage());
        }
    }

    private static ResponseCache withoutStore(RefrainProperties properties) {
        try {
            return builder(properties).store(new NoStore()).open();
        } catch (IOException e) {
            throw new IllegalStateException("no store has no file to fail on", e);
        }
    }

    ResponseCache cache() {
        return cache;
    }

    /** Releases the reference; called once for each {@link #open}. */
    @Override
    public void close() {
        synchronized (OPEN) {
            holders--;
            if (holders == 0) {
                OPEN.remove(file);
                cache.close();
            }
        }
    }
}
