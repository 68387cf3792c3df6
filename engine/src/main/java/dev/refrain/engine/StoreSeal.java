package dev.refrain.engine;

import dev.refrain.engine.internal.Pool;
import dev.refrain.engine.internal.seal.EntrySeal;
import dev.refrain.engine.internal.seal.ScopeKey;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;

/**
 * How the entries of a store are sealed, if they are. What was sealed is opened in any case. What was not, in a store
 * that seals, is taken only if it is from before sealing began: anybody who can write to the file can make a right
 * checksum.
 *
 * <p>A store holds an answer sealed once. An answer of the shared tier is opened on arrival and sealed anew, since its
 * times become this machine's, and they are in the authenticated head. Thread-safe.
 */
final class StoreSeal {
    private final boolean on;
    private final long sinceMillis;
    private final ScopeKey unscoped;
    private final Pool<EntrySeal> seals = new Pool<>(EntrySeal::new);

    /**
     * Opens what is sealed.
     *
     * @param on whether what is stored from now on is sealed
     * @param sinceMillis when that began, milliseconds since the epoch; 0 if the store has nothing from before
     * @param unscoped seals what belongs to no known scope; null if nothing was ever sealed
     */
    StoreSeal(boolean on, long sinceMillis, ScopeKey unscoped) {
        this.on = on;
        this.sinceMillis = sinceMillis;
        this.unscoped = unscoped;
    }

    boolean isOn() {
        return on;
    }

    /** Whether sealed entries can be opened at all. */
    boolean opens() {
        return unscoped != null;
    }

    /**
     * Whether an entry that is not sealed may be taken.
     *
     * @param longestMillis how long it can live
     */
    boolean takesOpen(EntryBuffer entry, long longestMillis) {
        if (!on) {
            return true;
        }
        byte[] head = entry.bytes();
        return entry.length() >= EntryHead.LENGTH
                && EntryHead.storedAt(head) <= sinceMillis
                && EntryHead.expiresAt(head) <= sinceMillis + longestMillis;
    }

    /** @param into receives the sealed entry; another buffer */
    void seal(CacheScope scope, byte[] digest, EntryBuffer open, EntryBuffer into) {
        EntrySeal seal = seals.take();
        seal.seal(keyOf(scope), digest, open, 0, into);
        seals.give(seal);
    }

    /**
     * Opens a sealed entry, which then has the sealed one's checksum in its head: by that a copy of it is known.
     *
     * @param into receives the open entry; another buffer
     * @return false if it is not one that was sealed for this scope and this key
     */
    boolean open(CacheScope scope, byte[] digest, EntryBuffer sealed, EntryBuffer into) {
        ScopeKey key = keyOf(scope);
        if (key == null) {
            return false;
        }
        EntrySeal seal = seals.take();
        boolean opened = seal.openKeepingChecksum(key, digest, sealed, into);
        seals.give(seal);
        return opened;
    }

    private ScopeKey keyOf(CacheScope scope) {
        return scope == null || scope.sealKey() == null ? unscoped : scope.sealKey();
    }
}
