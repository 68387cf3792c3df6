package dev.refrain.console.activity;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The names of models by the hashes in keys, so that a hit need not parse the request for the name. For display only,
 * since two names may have the same hash. Clients choose the names, so they are bounded in bytes. To make room, names
 * go in the order in which they came, and one that was asked for meanwhile gets a second chance (the CLOCK algorithm).
 * So made-up names do not push out real ones. Thread-safe; a name that is known is found without a lock.
 */
public final class ModelNames {
    private static final long MAX_BYTES = 512 * 1024;

    /** Three objects with their headers, their places in map and queue, and the hash. */
    private static final int ENTRY_BYTES = 136;

    /** Bytes of a character, in a text that is not Latin-1. */
    private static final int CHARACTER_BYTES = 2;

    private static final class Name {
        private final long tag;
        private final String text;
        private volatile boolean wasAsked;

        Name(long tag, String text) {
            this.tag = tag;
            this.text = text;
        }

        long bytes() {
            return ENTRY_BYTES + (long) CHARACTER_BYTES * text.length();
        }
    }

    private final long maxBytes;
    private final ConcurrentHashMap<Long, Name> names = new ConcurrentHashMap<>();
    /** Oldest first. Guarded by itself, as is the sum. */
    private final Queue<Name> order = new ArrayDeque<>();

    private long bytes;

    /** No names yet. */
    public ModelNames() {
        this(MAX_BYTES);
    }

    ModelNames(long maxBytes) {
        this.maxBytes = maxBytes;
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
        Name name = names.get(tag);
        if (name == null) {
            return null;
        }
        if (!name.wasAsked) {
            name.wasAsked = true;
        }
        return name.text;
    }

    /** A name that is larger than the bound by itself is not kept. */
    void remember(long tag, String text) {
        Name name = new Name(tag, text);
        if (name.bytes() > maxBytes) {
            return;
        }
        synchronized (order) {
            if (names.putIfAbsent(tag, name) != null) {
                return;
            }
            bytes += name.bytes();
            while (bytes > maxBytes) {
                Name oldest = order.remove();
                if (oldest.wasAsked) {
                    oldest.wasAsked = false;
                    order.add(oldest);
                } else {
                    names.remove(oldest.tag);
                    bytes -= oldest.bytes();
                }
            }
            order.add(name);
        }
    }

    /** Bytes that the names take, roughly. */
    public long bytes() {
        synchronized (order) {
            return bytes;
        }
    }
}
