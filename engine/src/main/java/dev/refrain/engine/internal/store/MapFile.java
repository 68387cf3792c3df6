package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.EntryBuffer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import net.openhft.chronicle.hash.ChronicleHashCorruption;
import net.openhft.chronicle.hash.impl.SegmentHeader;
import net.openhft.chronicle.hash.impl.SizePrefixedBlob;
import net.openhft.chronicle.map.ChronicleHashCorruptionImpl;
import net.openhft.chronicle.map.ChronicleMap;
import net.openhft.chronicle.map.VanillaChronicleMap;
import net.openhft.chronicle.map.impl.CompiledMapIterationContext;
import net.openhft.posix.MAdviseFlag;
import net.openhft.posix.PosixAPI;
import net.openhft.posix.internal.noop.NoOpPosixAPI;

/** Makes, opens and recovers the file of a map. Callers see to it that nobody else does so at the same time. */
final class MapFile {
    /** Chronicle Map writes no longer ones. */
    private static final int MAX_HEADER_LENGTH = 16 << 10;

    private MapFile() {}

    /** Makes the file of an empty map; nothing is left of it if that fails. */
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
     * Opens the file of a map that was closed cleanly.
     *
     * @throws IOException if it is no such file
     */
    static ChronicleMap<byte[], EntryBuffer> open(Path file) throws IOException {
        requireHeader(file);
        try (RawMap raw = RawMap.open(file)) {
            raw.requireNothingBehindTheEnd();
        }
        return checked(Layout.builder(1).createPersistedTo(file.toFile()));
    }

    /** Whether locks are held that nobody can hold if nobody has the file open. */
    static boolean hasLocks(Path file) throws IOException {
        try (RawMap raw = RawMap.open(file)) {
            return raw.hasLocks();
        }
    }

    /** A map that was recovered, and how many things had to be put right. */
    record Recovered(ChronicleMap<byte[], EntryBuffer> map, int corrections) {}

    /**
     * Opens the file of a map that was not closed cleanly: frees locks and chunks left behind and drops entries half written.
     *
     * @throws IOException if it is no file of a map
     */
    static Recovered recover(Path file) throws IOException {
        requireHeader(file);
        try (RawMap raw = RawMap.open(file)) {
            raw.requireNothingBehindTheEnd();
        }
        AtomicInteger corrections = new AtomicInteger();
        ChronicleMap<byte[], EntryBuffer> map =
                Layout.builder(1).recoverPersistedTo(file.toFile(), false, correction -> corrections.incrementAndGet());
        return new Recovered(checked(map), corrections.get());
    }

    /**
     * The same if all segments are whole but those whose lock is held; see {@link Trust}. Does Chronicle Map's work on those alone.
     *
     * @throws IOException if it is no file of a map
     */
    static Recovered recoverLocked(Path file) throws IOException {
        ChronicleMap<byte[], EntryBuffer> map = open(file);
        AtomicInteger corrections = new AtomicInteger();
        ChronicleHashCorruption.Listener listener = correction -> corrections.incrementAndGet();
        ChronicleHashCorruptionImpl correction = new ChronicleHashCorruptionImpl();
        try (CompiledMapIterationContext<?, ?, ?> context =
                (CompiledMapIterationContext<?, ?, ?>) ((VanillaChronicleMap<?, ?, ?>) map).iterationContext()) {
            for (int segment = 0; segment < map.segments(); segment++) {
                context.initSegmentIndex(segment);
                SegmentHeader header = context.segmentHeader();
                if (header.getLockState(context.segmentHeaderAddress()) != header.resetLockState()) {
                    header.resetLock(context.segmentHeaderAddress());
                    corrections.incrementAndGet();
                    context.initSegmentTier();
                    context.recoverTier(segment, listener, correction);
                    context.removeDuplicatesInSegment(listener, correction);
                }
            }
            return new Recovered(map, corrections.get());
        } catch (RuntimeException | Error e) {
            map.close();
            throw e;
        }
    }

    /**
     * Looks at the header before Chronicle Map does, which would wait a minute for whoever writes an incomplete one to come to an
     * end. Nobody writes it now: a process was killed while it recovered the map, when the header is complete but for this mark.
     */
    private static void requireHeader(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer word = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            int read = channel.read(word, SizePrefixedBlob.SIZE_WORD_OFFSET);
            int length = SizePrefixedBlob.extractSize(word.getInt(0));
            if (read < Integer.BYTES
                    || length == 0
                    || length > MAX_HEADER_LENGTH
                    || channel.size() < SizePrefixedBlob.SELF_BOOTSTRAPPING_HEADER_OFFSET + length) {
                throw new IOException("it does not begin like the file of a store");
            }
            if (!SizePrefixedBlob.isReady(word.getInt(0))) {
                word.clear();
                word.putInt(0, SizePrefixedBlob.READY | SizePrefixedBlob.DATA | length);
                channel.write(word, SizePrefixedBlob.SIZE_WORD_OFFSET);
            }
        }
    }

    /** Whether a file begins as Chronicle Map's do, however it goes on. */
    static boolean beginsLikeOne(Path file) throws IOException {
        byte[] expected = ("!" + VanillaChronicleMap.class.getName()).getBytes(StandardCharsets.US_ASCII);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer found = ByteBuffer.allocate(expected.length);
            channel.read(found, SizePrefixedBlob.SELF_BOOTSTRAPPING_HEADER_OFFSET);
            return Arrays.equals(found.array(), expected);
        }
    }

    /** The file's own header decides about the geometry; ours must be the same. */
    private static ChronicleMap<byte[], EntryBuffer> checked(ChronicleMap<byte[], EntryBuffer> map) throws IOException {
        VanillaChronicleMap<?, ?, ?> shape = (VanillaChronicleMap<?, ?, ?>) map;
        if (map.keyClass() != byte[].class
                || map.valueClass() != EntryBuffer.class
                || shape.chunkSize != Layout.CHUNK_SIZE
                || shape.actualChunksPerSegmentTier != Layout.CHUNKS_PER_SEGMENT) {
            map.close();
            throw new IOException("it is the file of some other map");
        }
        readPagesSingly(shape);
        return map;
    }

    /**
     * Entries are found by hashes, so what lies beside one is not what is read next. Reading ahead costs more than time: Linux keeps
     * what it has read ahead in pages of up to 2 MiB, and writes such a page as a whole when a byte of it has changed.
     */
    private static void readPagesSingly(VanillaChronicleMap<?, ?, ?> map) {
        if (!(PosixAPI.posix() instanceof NoOpPosixAPI)) {
            PosixAPI.posix().madvise(map.bsAddress(), map.sizeInBytesWithoutTiers(), MAdviseFlag.MADV_RANDOM);
        }
    }
}
