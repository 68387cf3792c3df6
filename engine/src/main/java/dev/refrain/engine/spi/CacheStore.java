package dev.refrain.engine.spi;

import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;

/**
 * Where entries are kept. The engine's own store is a memory-mapped Chronicle
 * Map; another one passes the same contract.
 *
 * <p>Every method may be called by any thread at any time between opening and {@link #close()}. A store never throws at
 * a caller for being full, damaged or out of disk: it drops what it cannot keep, misses what it cannot read, and counts
 * both in {@link #stats()}. Keys are {@link #KEY_LENGTH} bytes, never null, which a store reads during a call and does
 * not keep: the caller uses the array again. Entries are opaque except for {@link EntryHead}; integrity is the engine's
 * to check on every read.
 */
public interface CacheStore extends AutoCloseable {
    /** Length of every key in bytes. Keys are digests, so each part of one is as good a hash as any other. */
    int KEY_LENGTH = 32;

    /**
     * Copies the entry of a key, expired or not.
     *
     * @param into receives the entry if there is one; its content is undefined otherwise
     * @return whether there is one
     */
    boolean get(byte[] key, EntryBuffer into);

    /**
     * Copies the head of the entry of a key, expired or not, so that a copy of the entry can be told to be still the
     * same. Must be much cheaper than {@link #get} to be of use, and counts as a read where a store counts them. A
     * store that keeps an entry in several pieces may have written over the bytes 4 to 7 and 24 to 35 of the head.
     *
     * @param into receives {@link EntryHead#LENGTH} bytes; undefined otherwise
     * @return false if there is no entry, or if the store cannot tell: then the caller has to ask {@link #get}
     */
    default boolean head(byte[] key, byte[] into) {
        return false;
    }

    /**
     * The same, but counts as a read only if the callback returns true. The callback runs while the entry's head is
     * being loaded, so the cache misses of both overlap.
     *
     * @param then called if there is a head, on this thread, before this returns; must not call the store
     * @return what {@code then} returned; false if there is no head
     */
    default boolean head(byte[] key, byte[] into, BooleanSupplier then) {
        return head(key, into) && then.getAsBoolean();
    }

    /**
     * Stores an entry in place of the key's older one, making room by evicting others if need be.
     *
     * @param entry starts with an {@link EntryHead}; only read
     * @return false if no room was found, in which case the older entry of the key is gone as well
     */
    boolean put(byte[] key, EntryBuffer entry);

    /**
     * The same, unless the entry that is there is to stay. Question and put are one step: an entry that somebody else
     * stores meanwhile is asked about, too. This default takes two steps, between which such an entry is lost: a store
     * to which several threads or processes write has to override it.
     *
     * @param replaces is given the head of the entry that is there, expired or not, as {@link #removeIf} gives it, and
     *     says whether the new one takes its place; not asked if there is none, and perhaps asked more than once;
     *     called with locks held, so it must do nothing else
     * @return false if the older entry stays, or if no room was found, in which case it may be gone as well
     */
    default boolean putIf(byte[] key, EntryBuffer entry, Predicate<byte[]> replaces) {
        EntryBuffer there = new EntryBuffer(EntryHead.LENGTH);
        return (!peek(key, there) || replaces.test(there.bytes())) && put(key, entry);
    }

    /** Removes the entry of a key. Returns whether there was one. */
    boolean remove(byte[] key);

    /**
     * Removes the entry of a key that is not what was put. A store may take
     * that for a sign of damage to its neighbours as well.
     */
    default void removeDamaged(byte[] key) {
        remove(key);
    }

    /**
     * Removes every entry whose {@link EntryHead#expiresAt} is at or before the given time. A store that several
     * processes share leaves this to the one that is at it already, and returns 0 at once.
     *
     * @param nowMillis milliseconds since the epoch
     * @return the number of entries removed, notes aside
     */
    long sweep(long nowMillis);

    /**
     * Into how many slices a sweep can be cut. Slices of one store are about as
     * much work as each other, and each is little.
     */
    default int slices() {
        return 1;
    }

    /**
     * {@link #sweep(long)} for a part of the store.
     *
     * @param slice 0 to {@link #slices()} - 1
     */
    default long sweep(long nowMillis, int slice) {
        return sweep(nowMillis);
    }

    /**
     * Removes every entry whose head matches, walking the whole store. Entries
     * that are put meanwhile may be met or not.
     *
     * @param head told of the first {@link EntryHead#LENGTH} bytes of entries, those at {@link EntryHead#EXPIRES_AT},
     *     {@link EntryHead#SCOPE} and {@link EntryHead#MODEL} in any case, and at {@link EntryHead#KIND} whether it is
     *     a note; called with locks held, so it must do nothing else
     * @return the number of entries removed, notes aside
     */
    long removeIf(Predicate<byte[]> head);

    /**
     * The keys of entries that match, those of notes aside, found by walking the whole store; copies, the caller's own.
     *
     * @param key called with locks held, so it must do nothing else; its argument is reused
     */
    List<byte[]> find(Predicate<byte[]> key);

    /** Is shown entries, see {@link #visit}. */
    @FunctionalInterface
    interface EntryVisitor {
        /**
         * Looks at one entry.
         *
         * @param key reused for the next entry, like the head
         * @param head the first {@link EntryHead#LENGTH} bytes, as {@link #removeIf} has them, or more
         * @param length of the entry in bytes
         * @return whether to go on
         */
        boolean visit(byte[] key, byte[] head, int length);
    }

    /**
     * Shows all entries, notes aside, and changes nothing. Entries that are put or removed meanwhile may be shown or
     * not. What is shown may be wrong for an entry that is being changed at that moment.
     *
     * @param visitor must not call the store, but for {@link #hits}; it may be called with locks held
     * @return whether all were shown, and the visitor did not end it
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

    /** {@link #get} for somebody who only wants to look: it does not count as a use of the entry. */
    default boolean peek(byte[] key, EntryBuffer into) {
        return get(key, into);
    }

    /** How often the entry of a key was read lately, as far as the store remembers that, or -1. */
    default int hits(byte[] key) {
        return -1;
    }

    /** A snapshot of the store's figures. */
    StoreStats stats();

    /**
     * The installation secret: 32 random bytes that live exactly as long as the entries do. Keys are derived under it,
     * so that nothing on disk can be guessed back to an API key. A copy; never logged.
     */
    byte[] secret();

    /** Flushes and releases everything. Calls after that behave as on an empty store that takes nothing. Idempotent. */
    @Override
    void close();
}
