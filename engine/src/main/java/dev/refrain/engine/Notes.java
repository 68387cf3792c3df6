package dev.refrain.engine;

import dev.refrain.engine.internal.EntryChecksum;
import dev.refrain.engine.internal.seal.EntrySeal;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.util.zip.CRC32C;

/** Keeps notes beside entries, checked and, if entries are, sealed. Thread-safe. */
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
     * @param scope whose note it is; null if that is not known
     * @param note with its head; its checksum is written here
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
     * The note with a digest, opened; null if there is none that is as it was put.
     *
     * @param length of a usual one, in bytes
     * @param longestMillis how long such a note lives at most
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
