package dev.refrain.engine.spi;

import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Keeps entries on the heap, within a budget in bytes: for tests, and for hosts that cannot start java with the flags
 * that the memory-mapped store needs. It needs no file and no flag, loads no class of Chronicle Map, and loses
 * everything when it is closed. It evicts the least recently used entry.
 *
 * <p>Thread-safe by one monitor, which is held while an entry is copied. That is fast enough for a test or a small
 * host, but not for many threads. A {@link #visit} holds the monitor only at the beginning, to list the entries.
 */
public final class HeapStore implements CacheStore {
    /** The smallest budget, in bytes. */
    public static final long MIN_CAPACITY = 64 << 10;

    /** Heap that an entry takes beside its own bytes: key, array headers and a node of the map, rounded up. */
    private static final int OVERHEAD = 256;

    private static final int SECRET_LENGTH = 32;

    private final long capacityBytes;
    private final byte[] secret = new byte[SECRET_LENGTH];

    /**
     * An entry that a visit may read without the monitor. When the entry leaves the store, the slot drops its bytes, so
     * that no visit keeps bytes on the heap that the budget does not count. The bytes never change.
     */
    private static final class Slot {
        private final byte[] key;
        private volatile byte[] entry;

        Slot(byte[] key, byte[] entry) {
            this.key = key;
            this.entry = entry;
        }

        /** Drops the bytes, and returns what they took of the budget. */
        long empty() {
            long cost = cost(entry);
            entry = null;
            return cost;
        }
    }

    // Guarded by this.
    private final Map<ByteBuffer, Slot> entries = new LinkedHashMap<>(16, 0.75f, true);
    private long bytes;
    private long evictions;
    private long expirations;
    private long drops;
    private boolean closed;

    /**
     * An empty store with a secret of its own.
     *
     * @param capacityBytes heap that entries may take, including the store's overhead for each
     * @throws IllegalArgumentException if that is less than {@link #MIN_CAPACITY}
     */
    public HeapStore(long capacityBytes) {
        if (capacityBytes < MIN_CAPACITY) {
            throw new IllegalArgumentException(
                    "A heap store needs at least " + MIN_CAPACITY + " bytes, was given " + capacityBytes);
        }
        this.capacityBytes = capacityBytes;
        new SecureRandom().nextBytes(secret);
    }

    private static boolean isNote(byte[] entry) {
        return entry[EntryHead.KIND] == EntryHead.NOTE;
    }

    private static long cost(byte[] entry) {
        return entry.length + (long) OVERHEAD;
    }

    @Override
    public synchronized boolean get(byte[] key, EntryBuffer into) {
        Slot slot = entries.get(ByteBuffer.wrap(key));
        if (slot == null) {
            return false;
        }
        byte[] entry = slot.entry;
        System.arraycopy(entry, 0, into.resize(entry.length), 0, entry.length);
        return true;
    }

    @Override
    public boolean put(byte[] key, EntryBuffer entry) {
        if (entry.length() < EntryHead.LENGTH) {
            throw new IllegalArgumentException("an entry has a head of " + EntryHead.LENGTH + " bytes");
        }
        synchronized (this) {
            remove(key);
            if (closed) {
                return false;
            }
            long cost = entry.length() + (long) OVERHEAD;
            if (cost > capacityBytes) {
                drops++;
                return false;
            }
            Iterator<Slot> oldest = entries.values().iterator();
            while (bytes + cost > capacityBytes) {
                bytes -= oldest.next().empty();
                oldest.remove();
                evictions++;
            }
            byte[] own = key.clone();
            entries.put(ByteBuffer.wrap(own), new Slot(own, Arrays.copyOf(entry.bytes(), entry.length())));
            bytes += cost;
            return true;
        }
    }

    @Override
    public synchronized boolean putIf(byte[] key, EntryBuffer entry, Predicate<byte[]> replaces) {
        Slot slot = entries.get(ByteBuffer.wrap(key));
        return (slot == null || replaces.test(slot.entry)) && put(key, entry);
    }

    @Override
    public synchronized boolean remove(byte[] key) {
        Slot slot = entries.remove(ByteBuffer.wrap(key));
        if (slot == null) {
            return false;
        }
        bytes -= slot.empty();
        return true;
    }

    @Override
    public synchronized long sweep(long nowMillis) {
        long removed = removeIf(entry -> EntryHead.expiresAt(entry) <= nowMillis);
        expirations += removed;
        return removed;
    }

    @Override
    public synchronized long removeIf(Predicate<byte[]> head) {
        long removed = 0;
        for (Iterator<Slot> each = entries.values().iterator(); each.hasNext(); ) {
            Slot slot = each.next();
            byte[] entry = slot.entry;
            if (head.test(entry)) {
                each.remove();
                bytes -= slot.empty();
                removed += isNote(entry) ? 0 : 1;
            }
        }
        return removed;
    }

    @Override
    public synchronized List<byte[]> find(Predicate<byte[]> key) {
        List<byte[]> found = new ArrayList<>();
        for (Slot slot : entries.values()) {
            byte[] copy = slot.key.clone();
            if (!isNote(slot.entry) && key.test(copy)) {
                found.add(copy);
            }
        }
        return found;
    }

    /** Holds the monitor only to list the entries, not while the visitor runs. */
    @Override
    public boolean visit(EntryVisitor visitor) {
        List<Slot> all;
        synchronized (this) {
            all = new ArrayList<>(entries.values());
        }
        byte[] copy = new byte[KEY_LENGTH];
        for (Slot slot : all) {
            byte[] entry = slot.entry;
            if (entry != null && !isNote(entry)) {
                System.arraycopy(slot.key, 0, copy, 0, KEY_LENGTH);
                if (!visitor.visit(copy, entry, entry.length)) {
                    return false;
                }
            }
        }
        return true;
    }

    @Override
    public synchronized StoreStats stats() {
        long counted =
                entries.values().stream().filter(slot -> !isNote(slot.entry)).count();
        return new StoreStats(counted, bytes, capacityBytes, evictions, expirations, drops, 0);
    }

    @Override
    public byte[] secret() {
        return secret.clone();
    }

    @Override
    public synchronized void close() {
        closed = true;
        entries.values().forEach(Slot::empty);
        entries.clear();
        bytes = 0;
    }
}
