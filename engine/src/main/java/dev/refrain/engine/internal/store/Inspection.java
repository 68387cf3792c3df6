package dev.refrain.engine.internal.store;

import dev.refrain.engine.internal.EntryChecksum;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import java.util.zip.CRC32C;

/**
 * Checks everything in a store and changes nothing, whether the store is closed or in use. While the store is in use,
 * values come and go during the check. So a value that looks damaged is checked again later, and counts only if it
 * still looks damaged.
 */
public final class Inspection {
    private static final int ATTEMPTS = 3;
    private static final int MAX_DETAILS = 20;

    private final RawMap map;
    private final LockFile.State state;
    private final long nowMillis;
    private final CRC32C crc = new CRC32C();
    private final LargeEntries.Scratch scratch = new LargeEntries.Scratch();

    private long entries;
    private long live;
    private long bytes;
    private long locked;
    private long incomplete;
    private long damaged;
    private final List<String> details = new ArrayList<>();
    private final double[] fill;
    private final Map<ByteBuffer, Place> parts = new HashMap<>();
    private final List<Manifest> manifests = new ArrayList<>();

    private Inspection(RawMap map, LockFile.State state, long nowMillis) {
        this.map = map;
        this.state = state;
        this.nowMillis = nowMillis;
        this.fill = new double[map.segments()];
    }

    private record Place(int segment, int chunk) {}

    private record Manifest(ByteBuffer key, EntryBuffer value) {}

    /**
     * The findings.
     *
     * @param entries all entries; large ones count once
     * @param live entries that have not expired
     * @param large entries kept in parts
     * @param parts parts of large entries
     * @param orphans parts whose entry has been removed; they go by expiry or eviction
     * @param incomplete large entries of which a part has been evicted; they are misses
     * @param damaged invalid values, entries that no lookup finds, and, in a closed store, room that is neither
     *     used nor free
     * @param details where the first damaged ones are
     * @param lockedSegments segments whose lock is held
     * @param bytes room that all values take, in bytes
     * @param fill for each segment the used share of its room, in ascending order
     * @param capacityBytes the byte budget that the store was made with; 0 if it is not known
     * @param opens openings of the store without a clean closing; -1 if not known
     */
    public record Report(
            long entries,
            long live,
            long large,
            long parts,
            long orphans,
            long incomplete,
            long damaged,
            List<String> details,
            long lockedSegments,
            long bytes,
            List<Double> fill,
            long capacityBytes,
            int opens) {}

    /**
     * Inspects a store.
     *
     * @param progress receives the percentage that has been inspected
     * @throws IOException if the file cannot be read or is no store; the message says which
     */
    public static Report of(Path file, long nowMillis, IntConsumer progress) throws IOException {
        try (RawMap map = RawMap.open(file)) {
            return new Inspection(map, state(file), nowMillis).run(progress);
        }
    }

    private static LockFile.State state(Path file) throws IOException {
        Path lock = file.resolveSibling(file.getFileName() + ".lock");
        return Files.exists(lock) ? LockFile.readOnly(lock) : null;
    }

    private Report run(IntConsumer progress) throws IOException {
        for (int i = 0; i < map.segments(); i++) {
            progress.accept((int) (100L * i / map.segments()));
            look(i);
        }
        int partsFound = parts.size();
        for (Manifest manifest : manifests) {
            look(manifest);
        }
        progress.accept(100);
        return new Report(
                entries,
                live,
                manifests.size(),
                partsFound,
                parts.size(),
                incomplete,
                damaged,
                List.copyOf(details),
                locked,
                bytes,
                Arrays.stream(fill).sorted().boxed().toList(),
                state == null ? 0 : state.capacityBytes(),
                state == null ? -1 : state.opens());
    }

    private void look(int index) throws IOException {
        RawMap.Segment segment = map.segment(index);
        locked += segment.isLocked ? 1 : 0;
        BitSet taken = new BitSet(Layout.CHUNKS_PER_SEGMENT);
        long damagedBefore = damaged;
        int values = 0;
        List<RawMap.Segment> later = new ArrayList<>();
        for (int slot = 0; slot < segment.slots(); slot++) {
            int chunk = segment.chunk(slot);
            if (chunk < 0) {
                continue;
            }
            RawMap.Value value = segment.value(chunk);
            String fault = fault(segment, slot, value, taken);
            if (fault != null) {
                while (later.size() < ATTEMPTS) {
                    later.add(map.segment(index));
                }
                fault = stillThere(later, slot, chunk);
                if (fault != null) {
                    damaged("segment " + index + ", slot " + slot + ": " + fault);
                }
                continue;
            }
            taken.set(chunk, chunk + value.chunks());
            values++;
            bytes += (long) value.chunks() * Layout.CHUNK_SIZE;
            count(value, new Place(index, chunk));
        }
        if (isClosed() && damaged == damagedBefore) {
            lookForLoss(segment, taken, values);
        }
        fill[index] = (double) taken.cardinality() / Layout.CHUNKS_PER_SEGMENT;
    }

    private boolean isClosed() {
        return state != null && state.opens() == 0;
    }

    /** Counts room that no value uses and that is not free. */
    private void lookForLoss(RawMap.Segment segment, BitSet taken, int values) {
        int lost = 0;
        for (int chunk = taken.nextClearBit(0);
                chunk < Layout.CHUNKS_PER_SEGMENT;
                chunk = taken.nextClearBit(chunk + 1)) {
            lost += segment.isAllocated(chunk) ? 1 : 0;
        }
        if (lost > 0) {
            damaged("segment " + segment.index + ": " + lost + " chunks are marked as taken and belong to no value");
        }
        if (values != segment.values) {
            damaged("segment " + segment.index + ": says that it has " + segment.values + " values, and has " + values);
        }
    }

    private void count(RawMap.Value value, Place place) {
        byte kind = value.content()[Kind.OFFSET];
        if (kind == Kind.PART) {
            parts.put(ByteBuffer.wrap(value.key()), place);
            return;
        }
        if (!Kind.isEntry(kind)) {
            return;
        }
        entries++;
        live += EntryHead.expiresAt(value.content()) > nowMillis ? 1 : 0;
        if (kind == Kind.MANIFEST) {
            manifests.add(new Manifest(ByteBuffer.wrap(value.key()), buffer(value.content())));
        }
    }

    private static EntryBuffer buffer(byte[] content) {
        EntryBuffer buffer = new EntryBuffer(content.length);
        System.arraycopy(content, 0, buffer.resize(content.length), 0, content.length);
        return buffer;
    }

    /** What is wrong with a value, or null. */
    private String fault(RawMap.Segment segment, int slot, RawMap.Value value, BitSet taken) {
        if (value == null || value.content().length < EntryHead.LENGTH) {
            return "it points to a place where no value can be";
        }
        int chunk = segment.chunk(slot);
        int next = taken.nextSetBit(chunk);
        if (next >= 0 && next < chunk + value.chunks()) {
            return "it overlaps another value";
        }
        for (int i = chunk; i < chunk + value.chunks(); i++) {
            if (!segment.isAllocated(i)) {
                return "its chunks are marked as free";
            }
        }
        if (!segment.isFoundBy(value.key(), slot)) {
            return "a lookup of its key does not find it";
        }
        if (!Kind.isMark(value.content()[Kind.OFFSET])
                && !EntryChecksum.matches(value.key(), value.content(), value.content().length, crc)) {
            return "wrong checksum";
        }
        return null;
    }

    /**
     * What is still wrong with a value; null if one of the later copies of its segment has nothing wrong at that place.
     * Ignores overlaps, because they are not the fault of one value.
     */
    private String stillThere(List<RawMap.Segment> later, int slot, int chunk) {
        String fault = null;
        for (RawMap.Segment segment : later) {
            fault = segment.chunk(slot) == chunk ? fault(segment, slot, segment.value(chunk), new BitSet()) : null;
            if (fault == null) {
                return null;
            }
        }
        return fault;
    }

    private void damaged(String detail) {
        damaged++;
        if (details.size() < MAX_DETAILS) {
            details.add(detail);
        }
    }

    private void look(Manifest manifest) throws IOException {
        if (!LargeEntries.isSound(manifest.value(), Layout.maxEntryLength(map.segments()))) {
            damaged("a large entry: its numbers cannot be");
            return;
        }
        byte[] entry = new byte[LargeEntries.total(manifest.value())];
        int payload = LargeEntries.payload(manifest.value());
        boolean isWhole = true;
        for (int i = 0; i < LargeEntries.parts(manifest.value()); i++) {
            byte[] key = LargeEntries.partKey(manifest.key().array(), manifest.value(), i, scratch);
            int at = i * payload;
            isWhole &= copyPart(key, entry, at, Math.min(payload, entry.length - at));
        }
        if (!isWhole) {
            incomplete++;
        } else if (!EntryChecksum.matches(manifest.key().array(), entry, entry.length, crc)) {
            damaged("a large entry of " + entry.length + " bytes: wrong checksum");
        }
    }

    /** Copies a part if it is still in the map, and removes it from the possible orphans. */
    private boolean copyPart(byte[] key, byte[] entry, int at, int length) throws IOException {
        Place place = parts.remove(ByteBuffer.wrap(key));
        RawMap.Value part = place == null ? null : map.value(place.segment(), place.chunk());
        if (part == null
                || !Arrays.equals(part.key(), key)
                || part.content().length != EntryHead.LENGTH + length
                || part.content()[Kind.OFFSET] != Kind.PART) {
            return false;
        }
        System.arraycopy(part.content(), EntryHead.LENGTH, entry, at, length);
        return true;
    }
}
