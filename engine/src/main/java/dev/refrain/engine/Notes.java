package dev.refrain.engine;

import dev.refrain.engine.internal.EntryChecksum;
import dev.refrain.engine.internal.seal.EntrySeal;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.util.zip.CRC32C;

/** Stores and reads notes, which are kept beside entries: with a checksum, and sealed if entries are. Thread-safe. */
final class Notes {
    private final CacheStore store;
    private final StoreSeal seal;

    Notes(CacheStore store, StoreSeal seal) {
        this.store = store;
        this.seal = seal;
    }

    /**
     * Stores a note in place of an older one.
     *
     * @param scope the scope that the note belongs to; null if it is not known
     * @param note including its head, in which this method sets kind and checksum
     */
    void put(CacheScope scope, byte[] digest, EntryBuffer note) {
        byte[] bytes = note.bytes();
        bytes[EntryHead.KIND] = EntryHead.NOTE;
        EntryChecksum.write(digest, bytes, note.length(), new CRC32C());
        if (seal.isOn()) {
            EntryBuffer sealed = new EntryBuffer(note.length() + EntrySeal.OVERHEAD);
            seal.seal(scope, digest, note, sealed);
            store.put(digest, sealed);
        } else {
            store.put(digest, note);
        }
    }

    /**
     * The note with a digest, unsealed; null if there is none, or if it is damaged.
     *
     * @param length the usual length of such a note, in bytes
     * @param longestMillis the longest life of such a note, in milliseconds
     */
    EntryBuffer get(CacheScope scope, byte[] digest, int length, long longestMillis) {
        EntryBuffer found = new EntryBuffer(length + EntrySeal.OVERHEAD);
        if (!store.get(digest, found)
                || found.length() < EntryHead.LENGTH
                || found.bytes()[EntryHead.KIND] != EntryHead.NOTE
                || !EntryChecksum.matches(digest, found.bytes(), found.length(), new CRC32C())) {
            return null;
        }
        if (!EntrySeal.isSealed(found)) {
            return seal.takesOpen(found, longestMillis) ? found : null;
        }
        EntryBuffer open = new EntryBuffer(found.length());
        return seal.open(scope, digest, found, open) && open.bytes()[EntryHead.KIND] == EntryHead.NOTE ? open : null;
    }
}
