package dev.refrain.engine.memory;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ToLongBiFunction;

/**
 * What is remembered because somebody outside sent it: a map that is bounded in bytes and in entries. To make room,
 * entries go in the order in which they came, and one that was {@link #get asked for} meanwhile gets a second chance
 * (the CLOCK algorithm). So made-up keys do not push out real ones. With {@link #peek} alone, the oldest goes first.
 *
 * <p>Thread-safe; what is known is found without a lock. Neither keys nor values are null.
 *
 * @param <K> a key, with {@code equals} and {@code hashCode}
 * @param <V> a value
 */
public final class BoundedMap<K, V> {
    /** What an entry takes of the heap beside its key and its value, in bytes: three objects, and their places. */
    public static final int ENTRY_BYTES = 128;

    private static final class Entry<K, V> {
        private final K key;
        private final V value;
        private final long bytes;
        private volatile boolean wasAsked;

        Entry(K key, V value, long bytes) {
            this.key = key;
            this.value = value;
            this.bytes = bytes;
        }
    }

    private final long maxBytes;
    private final int maxEntries;
    private final ToLongBiFunction<? super K, ? super V> weigher;
    private final ConcurrentHashMap<K, Entry<K, V>> entries = new ConcurrentHashMap<>();
    /** Oldest first. Guarded by itself, as are the sum and every change of the entries. */
    private final Set<Entry<K, V>> order = new LinkedHashSet<>();

    private long bytes;

    /**
     * An empty map.
     *
     * @param maxBytes that entries may take of the heap together, {@link #ENTRY_BYTES} each included
     * @param maxEntries at least 1
     * @param weigher the bytes that a key and its value take
     */
    public BoundedMap(long maxBytes, int maxEntries, ToLongBiFunction<? super K, ? super V> weigher) {
        this.maxBytes = maxBytes;
        this.maxEntries = maxEntries;
        this.weigher = weigher;
    }

    /** The value, which gets a second chance; null if there is none. */
    public V get(K key) {
        Entry<K, V> entry = entries.get(key);
        if (entry == null) {
            return null;
        }
        if (!entry.wasAsked) {
            entry.wasAsked = true;
        }
        return entry.value;
    }

    /** The value, which goes no later for that; null if there is none. */
    public V peek(K key) {
        Entry<K, V> entry = entries.get(key);
        return entry == null ? null : entry.value;
    }

    /**
     * Puts a value in place of the one that the key may have; it is the newest then. Nothing is kept for the key if the
     * value is larger than the bound by itself.
     */
    public void put(K key, V value) {
        Entry<K, V> entry = new Entry<>(key, value, ENTRY_BYTES + weigher.applyAsLong(key, value));
        synchronized (order) {
            remove(key);
            if (entry.bytes > maxBytes) {
                return;
            }
            while (bytes + entry.bytes > maxBytes || order.size() >= maxEntries) {
                Entry<K, V> oldest = order.iterator().next();
                if (oldest.wasAsked) {
                    oldest.wasAsked = false;
                    order.remove(oldest);
                    order.add(oldest);
                } else {
                    remove(oldest.key);
                }
            }
            bytes += entry.bytes;
            order.add(entry);
            entries.put(key, entry);
        }
    }

    /** Forgets a key, if it is known. */
    public void remove(K key) {
        synchronized (order) {
            Entry<K, V> entry = entries.remove(key);
            if (entry != null) {
                order.remove(entry);
                bytes -= entry.bytes;
            }
        }
    }

    /** The keys that are known now, the oldest first, but for second chances; a copy. */
    public List<K> keys() {
        synchronized (order) {
            List<K> keys = new ArrayList<>(order.size());
            order.forEach(entry -> keys.add(entry.key));
            return keys;
        }
    }

    /** Their values, in the same order; a copy. */
    public List<V> values() {
        synchronized (order) {
            List<V> values = new ArrayList<>(order.size());
            order.forEach(entry -> values.add(entry.value));
            return values;
        }
    }

    /** How many entries there are. */
    public int size() {
        return entries.size();
    }

    /** Bytes that they take, by the weigher. */
    public long bytes() {
        synchronized (order) {
            return bytes;
        }
    }
}
