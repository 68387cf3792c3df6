package dev.refrain.engine.internal.archive;

import dev.refrain.engine.archive.ArchiveProgress;
import dev.refrain.engine.archive.ImportFacts;
import dev.refrain.engine.internal.EntryChecksum;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.zip.CRC32C;

/**
 * Puts the entries of an archive into a store. An entry that the store already has, in the same or a newer version, is
 * not replaced. So after an interrupted run another run finishes the import. One use; not thread-safe.
 */
public final class Importer {
    private static final int FREE_BYTES = 1 << 16;
    private static final long REPORT_NANOS = 250_000_000;
    /** Tolerance for clocks that differ (wire rule W19b). */
    private static final long GRACE_MILLIS = 5000;

    private final CacheStore store;
    private final MemoryBudget memory;
    private final Predicate<EntryBuffer> isReadable;
    private final ArchiveProgress progress;
    private final ArchiveFolder folder;
    private final CRC32C crc = new CRC32C();
    private final byte[] head = new byte[EntryHead.LENGTH];

    private long entries;
    private long bytes;
    private long present;
    private long expired;
    private long foreign;
    private long damaged;
    private long dropped;
    private long reportedAt = System.nanoTime() - REPORT_NANOS;

    /**
     * An importer from a folder.
     *
     * @param memory budget for long entries
     * @param isReadable whether the cache can read the entry, which must be sealed if the store is sealed, and
     *     unsealed otherwise
     */
    public Importer(
            CacheStore store,
            MemoryBudget memory,
            Predicate<EntryBuffer> isReadable,
            Path folder,
            ArchiveProgress progress) {
        this.store = store;
        this.memory = memory;
        this.isReadable = isReadable;
        this.progress = progress;
        this.folder = new ArchiveFolder(folder);
    }

    /**
     * Puts the entries that the store does not have.
     *
     * @param keys a digest of the secret under which the store's keys are derived
     * @param namespaces receives the names of namespaces that have answers
     * @throws IOException if the archive cannot be read, is damaged, or its keys were derived under another secret;
     *     entries that were put before stay
     */
    public ImportFacts run(String keys, long nowMillis, Consumer<String> namespaces) throws IOException {
        Manifest manifest = manifest(folder, keys);
        int missing = 0;
        EntryBuffer entry = new EntryBuffer(FREE_BYTES, FREE_BYTES, memory);
        try {
            for (int part = 0; part < manifest.parts(); part++) {
                if (folder.has(part)) {
                    read(part, manifest.parts(), nowMillis, entry);
                } else {
                    missing++;
                }
                progress.at((part + 1.0) / manifest.parts(), entries, bytes);
            }
        } catch (MemoryBudget.Exhausted e) {
            throw new IOException("there is no memory for an answer; give the JVM a larger heap", e);
        } finally {
            entry.release();
        }
        manifest.namespaces().forEach(namespaces);
        return new ImportFacts(entries, bytes, present, expired, foreign, damaged, dropped, missing);
    }

    /**
     * Checks that there is an archive.
     *
     * @throws IOException if the folder has none
     */
    public static void requireArchive(Path folder) throws IOException {
        manifest(new ArchiveFolder(folder));
    }

    /**
     * Checks the digest of the secret as {@link #run} does, before there is a store.
     *
     * @throws IOException if the folder has no archive, or one whose keys were derived under another secret
     */
    public static void requireKeys(Path folder, String keys) throws IOException {
        manifest(new ArchiveFolder(folder), keys);
    }

    private static Manifest manifest(ArchiveFolder folder) throws IOException {
        Manifest manifest = folder.manifest();
        if (manifest == null) {
            throw new IOException(
                    folder.path() + " is no archive: it has no file archive.json. (Recordings are not imported; the "
                            + "setting cassettes plays them.)");
        }
        return manifest;
    }

    private static Manifest manifest(ArchiveFolder folder, String keys) throws IOException {
        Manifest manifest = manifest(folder);
        if (!manifest.keys().equals(keys)) {
            throw new IOException("The archive " + folder.path() + " is of a store with another secret, so no request"
                    + " would find its answers here. Import it into a store that was made with the same secret");
        }
        return manifest;
    }

    private void read(int part, int parts, long nowMillis, EntryBuffer entry) throws IOException {
        try (PartReader in = new PartReader(folder.part(part), part)) {
            boolean isPut = false;
            while (in.next(entry)) {
                if (entry.bytes()[EntryHead.KIND] != EntryHead.NOTE) {
                    isPut = put(in.key(), entry, nowMillis);
                } else if (isPut && EntryChecksum.matches(in.key(), entry.bytes(), entry.length(), crc)) {
                    // A note belongs to the entry before it.
                    store.put(in.key(), entry);
                }
                report(part, parts);
            }
        }
    }

    private boolean put(byte[] key, EntryBuffer entry, long nowMillis) {
        byte[] in = entry.bytes();
        if (!EntryChecksum.matches(key, in, entry.length(), crc)) {
            damaged++;
        } else if (EntryHead.expiresAt(in) <= nowMillis || EntryHead.storedAt(in) > nowMillis + GRACE_MILLIS) {
            expired++;
        } else if (!isReadable.test(entry)) {
            foreign++;
        } else if (hasHead(key) && stays(head, in, nowMillis)) {
            present++;
        } else {
            return putUnlessNewer(key, entry, nowMillis);
        }
        return false;
    }

    /**
     * Puts an entry, unless another process has put a newer one since the head was read. Returns whether it was put.
     */
    private boolean putUnlessNewer(byte[] key, EntryBuffer entry, long nowMillis) {
        boolean[] isNewer = new boolean[1];
        if (store.putIf(key, entry, there -> {
            isNewer[0] = stays(there, entry.bytes(), nowMillis);
            return !isNewer[0];
        })) {
            entries++;
            bytes += entry.length();
            return true;
        }
        if (isNewer[0]) {
            present++;
        } else {
            dropped++;
        }
        return false;
    }

    private static boolean stays(byte[] there, byte[] in, long nowMillis) {
        return EntryHead.expiresAt(there) > nowMillis && EntryHead.storedAt(there) >= EntryHead.storedAt(in);
    }

    private boolean hasHead(byte[] key) {
        if (store.head(key, head)) {
            return true;
        }
        // Either there is no entry, or the store cannot read heads without the rest of the entry.
        EntryBuffer there = new EntryBuffer(EntryHead.LENGTH, FREE_BYTES, memory);
        try {
            if (!store.peek(key, there) || there.length() < EntryHead.LENGTH) {
                return false;
            }
            System.arraycopy(there.bytes(), 0, head, 0, EntryHead.LENGTH);
            return true;
        } finally {
            there.release();
        }
    }

    private void report(int part, int parts) {
        long now = System.nanoTime();
        if (now - reportedAt >= REPORT_NANOS) {
            reportedAt = now;
            progress.at((part + 0.5) / parts, entries, bytes);
        }
    }
}
