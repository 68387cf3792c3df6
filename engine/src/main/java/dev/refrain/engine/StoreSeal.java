package dev.refrain.engine;

import dev.refrain.engine.internal.Pool;
import dev.refrain.engine.internal.seal.EntrySeal;
import dev.refrain.engine.internal.seal.ScopeKey;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;

/**
 * Seals and opens the entries of a store. Sealed entries are opened whether sealing is on or off. While it is on, an
 * unsealed entry is accepted only if it was stored before sealing began: anybody who can write to the file can compute
 * a valid checksum.
 *
 * <p>An answer of the shared tier is opened on arrival and sealed anew for the store, since its times change to those
 * of this machine's clock, and the times are in the authenticated head. Thread-safe.
 */
final class StoreSeal {
    private final boolean on;
    private final long sinceMillis;
    private final ScopeKey unscoped;
    private final Pool<EntrySeal> seals = new Pool<>(EntrySeal::new);

    /**
     * @param on whether entries that are stored from now on are sealed
     * @param sinceMillis when sealing began, milliseconds since the epoch; 0 if the store has nothing from before
     * @param unscoped seals entries without a known scope; null if nothing was ever sealed
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
     * Whether an unsealed entry may be used.
     *
     * @param longestMillis the longest life of such an entry, in milliseconds
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

    /** @param into receives the sealed entry; must be another buffer */
    void seal(CacheScope scope, byte[] digest, EntryBuffer open, EntryBuffer into) {
        EntrySeal seal = seals.take();
        seal.seal(keyOf(scope), digest, open, 0, into);
        seals.give(seal);
    }

    /**
     * Opens a sealed entry. The head of the open entry gets the checksum of the sealed one, by which hot copies are
     * compared with the store's entries.
     *
     * @param into receives the open entry; must be another buffer
     * @return false if the entry was not sealed for this scope and this key
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
