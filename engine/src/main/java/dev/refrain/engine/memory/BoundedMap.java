package dev.refrain.engine.memory;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ToLongBiFunction;

/**
 * A map for what clients and providers make the cache remember, bounded in bytes and in entries. It evicts by the CLOCK
 * algorithm: the oldest entry goes first, but one that was {@linkplain #get read} since it came gets a second chance.
 * So keys that a client makes up do not push out the ones in use. {@link #peek} gives no second chance.
 *
 * <p>Thread-safe; reading takes no lock. Neither keys nor values are null.
 *
 * @param <K> a key, with {@code equals} and {@code hashCode}
 * @param <V> a value
 */
public final class BoundedMap<K, V> {
    /** Heap that an entry takes beside its key and its value, in bytes: three objects and the references to them. */
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
    /** Oldest first. Its monitor also guards {@link #bytes} and every change of {@link #entries}. */
    private final Set<Entry<K, V>> order = new LinkedHashSet<>();

    private long bytes;

    /**
     * An empty map.
     *
     * @param maxBytes heap that all entries may take together, including {@link #ENTRY_BYTES} for each
     * @param maxEntries at least 1
     * @param weigher returns the bytes that a key and its value take
     */
    public BoundedMap(long maxBytes, int maxEntries, ToLongBiFunction<? super K, ? super V> weigher) {
        this.maxBytes = maxBytes;
        this.maxEntries = maxEntries;
        this.weigher = weigher;
    }

    /** The value, or null if there is none. The entry gets a second chance. */
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

    /** The value, or null if there is none. The entry gets no second chance. */
    public V peek(K key) {
        Entry<K, V> entry = entries.get(key);
        return entry == null ? null : entry.value;
    }

    /**
     * Stores a value as the newest entry, in place of the key's older value. Keeps nothing for the key if the value
     * alone exceeds the bound.
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

    /** Removes the entry of a key, if there is one. */
    public void remove(K key) {
        synchronized (order) {
            Entry<K, V> entry = entries.remove(key);
            if (entry != null) {
                order.remove(entry);
                bytes -= entry.bytes;
            }
        }
    }

    /** A copy of the keys, in the order of eviction except for second chances. */
    public List<K> keys() {
        synchronized (order) {
            List<K> keys = new ArrayList<>(order.size());
            order.forEach(entry -> keys.add(entry.key));
            return keys;
        }
    }

    /** A copy of the values, in the order of {@link #keys}. */
    public List<V> values() {
        synchronized (order) {
            List<V> values = new ArrayList<>(order.size());
            order.forEach(entry -> values.add(entry.value));
            return values;
        }
    }

    /** The number of entries. */
    public int size() {
        return entries.size();
    }

    /** Bytes that all entries take, by the weigher, including {@link #ENTRY_BYTES} for each. */
    public long bytes() {
        synchronized (order) {
            return bytes;
        }
    }
}
