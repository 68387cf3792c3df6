package dev.refrain.console.activity;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.memory.BoundedMap;

/**
 * The names of models by the hashes in keys, so that a hit need not parse the request for the name. For display only,
 * since two names may have the same hash. Clients choose the names, so they are bounded in bytes, and what is made up
 * does not push out what is asked for. Thread-safe; a name that is known is found without a lock.
 */
public final class ModelNames {
    private static final long MAX_BYTES = 512 * 1024;

    /** Hash and text, without its characters. */
    private static final int OWN_BYTES = 64;

    private final BoundedMap<Long, String> names;

    /** No names yet. */
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

    /** Null if it is not known, or not any more. */
    String known(long tag) {
        return names.get(tag);
    }

    /** A name that is larger than the bound by itself is not kept. */
    void remember(long tag, String text) {
        names.put(tag, text);
    }

    /** Bytes that the names take, roughly. */
    public long bytes() {
        return names.bytes();
    }
}
