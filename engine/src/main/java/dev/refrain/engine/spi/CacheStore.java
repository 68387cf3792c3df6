package dev.refrain.engine.spi;

import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;

/**
 * Keeps entries. The engine's own store is a memory-mapped Chronicle Map. Every other store has to pass the same
 * contract tests.
 *
 * <p>Every method may be called by any thread at any time between opening and {@link #close()}. A store does not throw
 * if it is full, damaged or out of disk space: it drops entries that it cannot keep, misses entries that it cannot
 * read, and counts both in {@link #stats()}. Keys are {@link #KEY_LENGTH} bytes, never null; a store must not keep the
 * array, because the caller reuses it. Entries are opaque except for {@link EntryHead}. The engine checks their
 * integrity on every read.
 */
public interface CacheStore extends AutoCloseable {
    /** Length of every key in bytes. Keys are digests, so any part of a key can serve as its hash. */
    int KEY_LENGTH = 32;

    /**
     * Copies the entry of a key, expired or not.
     *
     * @param into receives the entry if there is one; its content is undefined otherwise
     * @return whether there is one
     */
    boolean get(byte[] key, EntryBuffer into);

    /**
     * Copies the head of the entry of a key, expired or not. From the head, a caller that has a copy of the entry can
     * tell whether the store still holds the same entry. Useful only if it is much cheaper than {@link #get}. Counts as
     * a read, if the store counts reads. A store that keeps an entry in several parts may use bytes 4 to 7 and 24 to 35
     * of the head for itself.
     *
     * @param into receives {@link EntryHead#LENGTH} bytes if there is a head; its content is undefined otherwise
     * @return false if there is no entry, or if the store cannot tell; the caller then uses {@link #get}
     */
    default boolean head(byte[] key, byte[] into) {
        return false;
    }

    /**
     * Like {@link #head(byte[], byte[])}, but counts as a read only if the callback returns true. The callback runs
     * while the entry's head is being loaded, so the processor's cache misses for both overlap.
     *
     * @param then called if there is a head, on the calling thread, before this method returns; must not call the store
     * @return what {@code then} returned; false if there is no head
     */
    default boolean head(byte[] key, byte[] into, BooleanSupplier then) {
        return head(key, into) && then.getAsBoolean();
    }

    /**
     * Stores an entry in place of the key's older one. Evicts other entries if it needs room.
     *
     * @param entry starts with an {@link EntryHead}; only read
     * @return false if there was no room; even then the older entry of the key is removed
     */
    boolean put(byte[] key, EntryBuffer entry);

    /**
     * Stores an entry unless the predicate wants the older one to stay. Test and put must be one atomic step. This
     * default takes two steps, so an entry that another writer stores between them is replaced untested. A store with
     * several writing threads or processes has to override it.
     *
     * @param replaces gets the head of the older entry, expired or not, as in {@link #removeIf}, and returns whether
     *     the new entry replaces that entry. Not called if there is no older entry, and perhaps called more than once.
     *     Called with locks held, so it must do nothing else
     * @return false if the older entry stays, or if there was no room; in the second case the older entry
     *     may be removed
     */
    default boolean putIf(byte[] key, EntryBuffer entry, Predicate<byte[]> replaces) {
        EntryBuffer there = new EntryBuffer(EntryHead.LENGTH);
        return (!peek(key, there) || replaces.test(there.bytes())) && put(key, entry);
    }

    /** Removes the entry of a key. Returns whether there was one. */
    boolean remove(byte[] key);

    /**
     * Removes the entry of a key because its content is damaged. A store may then suspect neighbouring entries as well.
     */
    default void removeDamaged(byte[] key) {
        remove(key);
    }

    /**
     * Removes every entry whose {@link EntryHead#expiresAt} is at or before the given time. If another process that
     * shares the store is sweeping already, this returns 0 at once.
     *
     * @param nowMillis milliseconds since the epoch
     * @return the number of entries removed, without notes
     */
    long sweep(long nowMillis);

    /** The number of slices into which a sweep can be divided. Each slice is a small and about equal amount of work. */
    default int slices() {
        return 1;
    }

    /**
     * Like {@link #sweep(long)}, for one slice of the store.
     *
     * @param slice 0 to {@link #slices()} - 1
     */
    default long sweep(long nowMillis, int slice) {
        return sweep(nowMillis);
    }

    /**
     * Removes every entry whose head matches, in a walk over the whole store. The walk may or may not see entries that
     * are put meanwhile.
     *
     * @param head tests the first {@link EntryHead#LENGTH} bytes of an entry. Only the fields at
     *     {@link EntryHead#EXPIRES_AT}, {@link EntryHead#SCOPE} and {@link EntryHead#MODEL} are certain to be right,
     *     and at {@link EntryHead#KIND} whether the entry is a note. Called with locks held, so it must do nothing else
     * @return the number of entries removed, without notes
     */
    long removeIf(Predicate<byte[]> head);

    /**
     * Returns copies of the keys that match, after a walk over the whole store; without keys of notes.
     *
     * @param key called with locks held, so it must do nothing else; its argument is reused
     */
    List<byte[]> find(Predicate<byte[]> key);

    /** Receives the entries of {@link #visit}. */
    @FunctionalInterface
    interface EntryVisitor {
        /**
         * Looks at one entry.
         *
         * @param key the entry's key; the array is reused for the next entry
         * @param head the first {@link EntryHead#LENGTH} bytes of the entry, as in {@link #removeIf}, or more; reused
         *     as well
         * @param length length of the entry in bytes
         * @return whether the visit goes on
         */
        boolean visit(byte[] key, byte[] head, int length);
    }

    /**
     * Passes all entries except notes to a visitor, and changes nothing. The visitor may or may not see entries that
     * are put or removed meanwhile. It may see wrong bytes of an entry that is being changed at that moment.
     *
     * @param visitor must not call the store, except {@link #hits}; may be called with locks held
     * @return false if the visitor ended the visit, or if not all entries were visited, because a part of the store
     *     could not be read
     */
    default boolean visit(EntryVisitor visitor) {
        EntryBuffer entry = new EntryBuffer(EntryHead.LENGTH);
        for (byte[] key : find(any -> true)) {
            if (peek(key, entry) && !visitor.visit(key, entry.bytes(), entry.length())) {
                return false;
            }
        }
        return true;
    }

    /** Like {@link #get}, but does not count as a use of the entry. */
    default boolean peek(byte[] key, EntryBuffer into) {
        return get(key, into);
    }

    /** Number of recent reads of a key's entry, as far as the store remembers them; -1 if it does not count reads. */
    default int hits(byte[] key) {
        return -1;
    }

    /** A snapshot of the store's statistics. */
    StoreStats stats();

    /**
     * The installation secret: 32 random bytes that live exactly as long as the entries do. Keys are derived with it,
     * so that nothing on disk leads back to an API key. Returns a copy. Must never be logged.
     */
    byte[] secret();

    /** Flushes and releases everything. Later calls find no entry and store none. Idempotent. */
    @Override
    void close();
}
