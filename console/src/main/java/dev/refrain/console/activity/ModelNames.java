package dev.refrain.console.activity;

import com.github.benmanes.caffeine.cache.Cache;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;

/**
 * The names of models by the hashes in keys, so that a hit need not parse the request for the name. For display only,
 * since two names may have the same hash. Thread-safe.
 */
public final class ModelNames {
    /** Bounded, because clients choose the names. */
    private static final long MAX_BYTES = 512 * 1024;

    private final Cache<Long, String> names = Remembered.texts(MAX_BYTES, tag -> Long.BYTES);

    /** The model that is asked for upstream, or null if the request names none. */
    public String name(CacheKey key, CacheRequest request) {
        if (key.modelTag() == 0) {
            return null;
        }
        String known = names.getIfPresent(key.modelTag());
        if (known != null) {
            return known;
        }
        String name = request.upstreamModel();
        if (name != null) {
            names.put(key.modelTag(), name);
        }
        return name;
    }

    /** Bytes that the names take, roughly. */
    public long bytes() {
        return Remembered.bytes(names);
    }
}
