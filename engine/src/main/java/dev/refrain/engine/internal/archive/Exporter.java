package dev.refrain.engine.internal.archive;

import dev.refrain.engine.archive.ArchiveProgress;
import dev.refrain.engine.archive.ArchiveQuery;
import dev.refrain.engine.archive.ExportFacts;
import dev.refrain.engine.internal.EntryChecksum;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiPredicate;
import java.util.function.ToIntFunction;
import java.util.function.UnaryOperator;
import java.util.zip.CRC32C;

/**
 * Writes the entries of a store into a folder. Each part of the archive has the keys with one prefix. The store is
 * walked once for each part, and only this part's keys are held in memory. A part file that exists is whole, so after
 * an interrupted run the next one writes only the missing parts. One use; not thread-safe.
 */
public final class Exporter {
    /** The intended number of keys in a part. So many keys take some MiB of the heap. */
    private static final int USUAL_PART = 1 << 16;

    private static final int FREE_BYTES = 1 << 16;
    private static final long REPORT_NANOS = 250_000_000;

    private final CacheStore store;
    private final MemoryBudget memory;
    private final BiPredicate<byte[], byte[]> wanted;
    private final UnaryOperator<byte[]> noteBeside;
    private final ArchiveProgress progress;
    private final CRC32C crc = new CRC32C();
    private final Set<Integer> labels = new HashSet<>();
    private final ArchiveFolder folder;

    private long entries;
    private long bytes;
    private long reportedAt = System.nanoTime() - REPORT_NANOS;

    /**
     * An exporter to a folder.
     *
     * @param memory budget for long entries
     * @param wanted decides by key and head whether an entry goes into the archive
     * @param noteBeside returns, for the key of an entry, the key of the entry's note
     */
    public Exporter(
            CacheStore store,
            MemoryBudget memory,
            BiPredicate<byte[], byte[]> wanted,
            UnaryOperator<byte[]> noteBeside,
            Path folder,
            ArchiveProgress progress) {
        this.store = store;
        this.memory = memory;
        this.wanted = wanted;
        this.noteBeside = noteBeside;
        this.progress = progress;
        this.folder = new ArchiveFolder(folder);
    }

    /**
     * Resolves a query. If the folder has an archive for which the user typed the same text, the result has that
     * archive's times and scopes; otherwise it is the query itself.
     *
     * @throws IOException if the archive cannot be read
     */
    public static ArchiveQuery begun(Path folder, ArchiveQuery query) throws IOException {
        Manifest there = query.asked().isEmpty() ? null : new ArchiveFolder(folder).manifest();
        if (there == null || !there.asked().typed().equals(query.asked())) {
            return query;
        }
        Manifest.Asked asked = there.asked();
        try {
            return query.meaning(asked.sinceMillis(), asked.untilMillis(), asked.scopes());
        } catch (IllegalArgumentException e) {
            throw new IOException(folder + " has an archive.json that was changed: " + e.getMessage(), e);
        }
    }

    /**
     * Writes the missing parts.
     *
     * @param keys a digest of the secret under which the store's keys were derived
     * @param query selects the answers to export
     * @param namespaces the known names of namespaces
     * @param tag returns the tag that stands for a namespace's name in the heads of entries
     * @throws IOException if the folder has something other than this unfinished archive in it, or cannot be written
     */
    public ExportFacts run(String keys, ArchiveQuery query, Set<String> namespaces, ToIntFunction<String> tag)
            throws IOException {
        folder.make();
        Manifest manifest = begun(keys, query);
        int parts = manifest.parts();
        int kept = 0;
        for (int part = 0; part < parts; part++) {
            if (folder.has(part)) {
                kept++;
                count(part);
            } else {
                write(part, parts);
            }
            Set<String> names = new TreeSet<>(manifest.namespaces());
            namespaces.stream()
                    .filter(name -> labels.contains(tag.applyAsInt(name)))
                    .forEach(names::add);
            if (!names.equals(manifest.namespaces())) {
                manifest = new Manifest(keys, Manifest.Asked.of(query), parts, names, false, 0);
                folder.write(manifest);
            }
            progress.at((part + 1.0) / parts, entries, bytes);
        }
        folder.write(new Manifest(keys, Manifest.Asked.of(query), parts, manifest.namespaces(), true, entries));
        return new ExportFacts(entries, bytes, parts, kept);
    }

    private Manifest begun(String keys, ArchiveQuery query) throws IOException {
        Manifest there = folder.manifest();
        if (there == null) {
            if (!folder.isEmpty()) {
                throw new IOException(folder.path() + " has files in it, and is no archive; name another folder");
            }
            long count = store.stats().entries();
            int parts = 1;
            while (parts < Manifest.MOST_PARTS && count / parts > USUAL_PART) {
                parts *= 2;
            }
            Manifest fresh = new Manifest(keys, Manifest.Asked.of(query), parts, Set.of(), false, 0);
            folder.write(fresh);
            return fresh;
        }
        if (there.complete() && allParts(there)) {
            throw new IOException(folder.path() + " has a complete archive; name another folder");
        }
        if (!there.keys().equals(keys) || !there.asked().query().equals(query.describe())) {
            throw new IOException(
                    folder.path() + " has an archive of " + there.asked().query()
                            + " that is not finished, perhaps of another store; repeat that export to finish it, or "
                            + "name another folder");
        }
        return there;
    }

    private boolean allParts(Manifest manifest) {
        for (int part = 0; part < manifest.parts(); part++) {
            if (!folder.has(part)) {
                return false;
            }
        }
        return true;
    }

    private void write(int part, int parts) throws IOException {
        List<byte[]> keys = keys(part, parts);
        keys.sort(Arrays::compareUnsigned);
        EntryBuffer entry = new EntryBuffer(FREE_BYTES, FREE_BYTES, memory);
        try (PartWriter out = new PartWriter(folder.unfinished(folder.part(part)), part)) {
            int done = 0;
            for (byte[] key : keys) {
                if (read(key, entry) && wanted.test(key, entry.bytes())) {
                    entries++;
                    labels.add((int) EntryHead.model(entry.bytes()));
                    out.add(key, entry);
                    byte[] note = noteBeside.apply(key);
                    if (read(note, entry)) {
                        out.add(note, entry);
                    }
                }
                report((part + ++done / (double) keys.size()) / parts);
            }
            out.end();
        } catch (MemoryBudget.Exhausted e) {
            throw noMemory(e);
        } finally {
            entry.release();
        }
        folder.finish(folder.part(part));
        bytes += Files.size(folder.part(part));
    }

    private static IOException noMemory(MemoryBudget.Exhausted e) {
        return new IOException("there is no memory for an answer; give the JVM a larger heap", e);
    }

    /** Reads an entry. Returns false if there is none, or if it is damaged. */
    private boolean read(byte[] key, EntryBuffer into) {
        return store.peek(key, into)
                && into.length() >= EntryHead.LENGTH
                && EntryChecksum.matches(key, into.bytes(), into.length(), crc);
    }

    private List<byte[]> keys(int part, int parts) throws IOException {
        int shift = Integer.SIZE - Integer.numberOfTrailingZeros(parts);
        List<byte[]> keys = new ArrayList<>();
        boolean all = store.visit((key, head, length) -> {
            int begin = (key[0] & 0xFF) << 24 | (key[1] & 0xFF) << 16;
            if ((parts == 1 || begin >>> shift == part) && wanted.test(key, head)) {
                keys.add(key.clone());
            }
            return true;
        });
        if (!all) {
            throw new IOException(
                    "a part of the store could not be read, or the store is closed; the log says why. Export"
                            + " to the same folder again to go on");
        }
        return keys;
    }

    /** Counts the entries of a part that an earlier run has written. */
    private void count(int part) throws IOException {
        EntryBuffer entry = new EntryBuffer(FREE_BYTES, FREE_BYTES, memory);
        try (PartReader in = new PartReader(folder.part(part), part)) {
            while (in.next(entry)) {
                if (entry.bytes()[EntryHead.KIND] != EntryHead.NOTE) {
                    entries++;
                    // The earlier run may have been killed before it wrote the part's namespaces to the manifest.
                    labels.add((int) EntryHead.model(entry.bytes()));
                }
            }
        } catch (MemoryBudget.Exhausted e) {
            throw noMemory(e);
        } finally {
            entry.release();
        }
        bytes += Files.size(folder.part(part));
    }

    private void report(double done) {
        long now = System.nanoTime();
        if (now - reportedAt >= REPORT_NANOS) {
            reportedAt = now;
            progress.at(done, entries, bytes);
        }
    }
}
