package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.EntryBuffer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import net.openhft.chronicle.map.ChronicleMap;
import net.openhft.chronicle.map.VanillaChronicleMap;
import net.openhft.posix.MAdviseFlag;
import net.openhft.posix.PosixAPI;
import net.openhft.posix.internal.noop.NoOpPosixAPI;

/**
 * Makes and opens the file of a map. The caller makes sure that no other thread or process does so at the same time.
 */
final class MapFile {
    private MapFile() {}

    /** Makes the file of an empty map, and deletes it if that fails. */
    static ChronicleMap<byte[], EntryBuffer> create(Path file, int segments, boolean preallocate) throws IOException {
        try {
            OwnerOnly.createFile(file);
            BlankMap.write(file, segments);
            if (preallocate) {
                Preallocation.allocate(file);
            }
            return checked(Layout.builder(1).createPersistedTo(file.toFile()));
        } catch (IOException | RuntimeException | Error e) {
            Files.deleteIfExists(file);
            if (e instanceof IOException || e instanceof InternalError) {
                throw new IOException(
                        "The store's file of " + segments + " MiB cannot be made at " + file + " (" + e.getMessage()
                                + "); free some space or configure a lower capacity",
                        e);
            }
            throw e;
        }
    }

    /**
     * Opens the file of a map.
     *
     * @param file begins with the {@link MapHead} that it was made with
     * @throws IOException if the file is not the file of a store's map
     */
    static ChronicleMap<byte[], EntryBuffer> open(Path file) throws IOException {
        return checked(Layout.builder(1).createPersistedTo(file.toFile()));
    }

    /**
     * Whether some segment's header is impossible, for example because its lock is held although no process has
     * the file open.
     */
    static boolean hasSuspects(Path file) throws IOException {
        try (RawMap raw = RawMap.open(file)) {
            return raw.hasSuspects();
        }
    }

    /** What identifies a map's file without reading all of it: its length, and the check of its head. */
    record Shape(long length, long headCheck) {}

    /**
     * The shape that a store's map file must have, where no lock file records it.
     *
     * @param scratch a path at which no file exists, before and after this
     */
    static Shape expected(Path file, Path scratch) throws IOException {
        int segments;
        try (RawMap raw = RawMap.open(file)) {
            segments = raw.segments();
        }
        try {
            OwnerOnly.createFile(scratch);
            BlankMap.write(scratch, segments);
            return new Shape(Files.size(scratch), MapHead.check(scratch));
        } finally {
            Files.deleteIfExists(scratch);
        }
    }

    /**
     * Returns a map if its geometry is ours; otherwise closes it and throws. Chronicle Map takes the geometry from the
     * file's header.
     */
    private static ChronicleMap<byte[], EntryBuffer> checked(ChronicleMap<byte[], EntryBuffer> map) throws IOException {
        VanillaChronicleMap<?, ?, ?> shape = (VanillaChronicleMap<?, ?, ?>) map;
        if (map.keyClass() != byte[].class
                || map.valueClass() != EntryBuffer.class
                || shape.chunkSize != Layout.CHUNK_SIZE
                || shape.actualChunksPerSegmentTier != Layout.CHUNKS_PER_SEGMENT) {
            map.close();
            throw new IOException("it is a Chronicle Map, but not a store of Refrain's");
        }
        readPagesSingly(shape);
        return map;
    }

    /**
     * Turns off the kernel's reading ahead. Entries are found by hash, so the next read is not near the last. Reading
     * ahead also makes writes larger: Linux keeps the data in pages of up to 2 MiB, and writes a whole page to the disk
     * when one byte of it has changed.
     */
    private static void readPagesSingly(VanillaChronicleMap<?, ?, ?> map) {
        if (!(PosixAPI.posix() instanceof NoOpPosixAPI)) {
            PosixAPI.posix().madvise(map.bsAddress(), map.sizeInBytesWithoutTiers(), MAdviseFlag.MADV_RANDOM);
        }
    }
}
