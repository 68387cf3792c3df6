package dev.refrain.console.activity;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.util.function.ToIntFunction;

/**
 * Makes caches of texts that clients and providers choose, bounded in bytes. The most requested texts stay, so that
 * invented names do not push out real ones. Thread-safe.
 */
public final class Remembered {
    /** Two objects with their headers, and an entry in the map. */
    private static final int ENTRY_BYTES = 128;

    /** Bytes of a character, in a text that is not Latin-1. */
    private static final int CHARACTER_BYTES = 2;

    private Remembered() {}

    /**
     * Texts by key.
     *
     * @param maxBytes what keys and texts take together, roughly; a text that is larger by itself is not kept
     * @param keyBytes the size of a key
     */
    public static <K> Cache<K, String> texts(long maxBytes, ToIntFunction<K> keyBytes) {
        return Caffeine.newBuilder()
                .maximumWeight(maxBytes)
                .weigher((K key, String text) -> ENTRY_BYTES + keyBytes.applyAsInt(key) + bytes(text))
                // The calling thread evicts, and not the common pool.
                .executor(Runnable::run)
                .build();
    }

    /** What a text takes at most, in bytes. */
    static int bytes(String text) {
        return CHARACTER_BYTES * text.length();
    }

    /** Bytes that are taken now. */
    public static long bytes(Cache<?, ?> cache) {
        cache.cleanUp();
        return cache.policy().eviction().orElseThrow().weightedSize().orElseThrow();
    }
}
