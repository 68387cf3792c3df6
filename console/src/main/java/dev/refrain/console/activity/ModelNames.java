package dev.refrain.console.activity;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.memory.BoundedMap;

/**
 * The names of models by the hashes in keys, so that a hit need not parse the request for the name. For display only,
 * since two names may have the same hash. Clients choose the names, so the map is bounded in bytes, and invented names
 * do not push out names that are asked for. Thread-safe; the lookup of a known name takes no lock.
 */
public final class ModelNames {
    private static final long MAX_BYTES = 512 * 1024;

    /** Bytes of the hash and the text object, without the characters. */
    private static final int OWN_BYTES = 64;

    private final BoundedMap<Long, String> names;

    /** An empty map. */
    public ModelNames() {
        this(MAX_BYTES);
    }

    ModelNames(long maxBytes) {
        names = new BoundedMap<>(
                maxBytes, Integer.MAX_VALUE, (tag, text) -> OWN_BYTES + Character.BYTES * (long) text.length());
    }

    /** The model that is asked for upstream, or null if the request names none. */
    public String name(CacheKey key, CacheRequest request) {
        if (key.modelTag() == 0) {
            return null;
        }
        String known = known(key.modelTag());
        if (known != null) {
            return known;
        }
        String name = request.upstreamModel();
        if (name != null) {
            remember(key.modelTag(), name);
        }
        return name;
    }

    /** The name with this hash; null if it is not known, or was pushed out. */
    String known(long tag) {
        return names.get(tag);
    }

    /** Keeps a name, unless it alone exceeds the bound. */
    void remember(long tag, String text) {
        names.put(tag, text);
    }

    /** Bytes that the names take, estimated. */
    public long bytes() {
        return names.bytes();
    }
}
