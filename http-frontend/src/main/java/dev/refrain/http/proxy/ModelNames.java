package dev.refrain.http.proxy;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The names of models, by the numbers that keys have for them: who knows the number need not read the request for the name. For
 * what is shown alone, since two names may have one number. Thread-safe.
 */
final class ModelNames {
    /** Clients choose the names. */
    private static final int MAX_NAMES = 4096;

    private final ConcurrentHashMap<Long, String> names = new ConcurrentHashMap<>();

    /** The model that is asked for upstream, or null if the request names none. */
    String name(CacheKey key, CacheRequest request) {
        if (key.modelTag() == 0) {
            return null;
        }
        String known = names.get(key.modelTag());
        if (known != null) {
            return known;
        }
        String name = request.upstreamModel();
        if (name != null && names.size() < MAX_NAMES) {
            names.put(key.modelTag(), name);
        }
        return name;
    }
}
