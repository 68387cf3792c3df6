package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.CacheStore;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import net.jpountz.xxhash.XXHash64;
import net.jpountz.xxhash.XXHashFactory;

/**
 * Reads the file of a map as docs/STORAGE-FORMAT.md describes it, without Chronicle Map. It is read-only, takes no
 * locks and maps nothing, so it cannot harm a file that is in use, and a damaged file cannot harm it. If a segment is
 * written to meanwhile, the copy may be torn; a caller that needs a whole copy reads the segment again.
 */
final class RawMap implements Closeable {
    private static final int HEADER_AT = 12;
    private static final int LENGTH_MASK = (1 << 30) - 1;
    private static final int MAX_HEADER_LENGTH = 16 << 10;
    private static final int GLOBAL_STATE = 1024;
    private static final int PAGE = 4096;
    private static final int CACHE_LINE = 64;
    private static final int COUNTERS = 64;
    private static final int HEADERS_AT_A_TIME = 4_096;
    /** Bounds of the length of a segment header, which is longest in the smallest stores. */
    private static final int MIN_SEGMENT_HEADER = SegmentState.HEADER_LENGTH;

    private static final int MAX_SEGMENT_HEADER = 192;
    private static final int SLOTS = 8_192;
    private static final int FREE_LIST = 1_024;
    private static final int TABLE = SLOTS * Integer.BYTES;
    /** Offset of the first chunk in a segment. */
    private static final int CHUNKS_AT = TABLE + COUNTERS + FREE_LIST;

    private static final int SEGMENT_LENGTH = CHUNKS_AT + Layout.CHUNKS_PER_SEGMENT * Layout.CHUNK_SIZE;
    /** At most this many values in a lookup table: four fifths of its slots. */
    static final int MAX_VALUES = 6_553;

    /** At most this many bytes encode the length of a value. Each byte has seven bits of the length, and a stop bit. */
    private static final int MAX_LENGTH_BYTES = 3;

    private static final int LONGEST_VALUE = CacheStore.KEY_LENGTH + MAX_LENGTH_BYTES + Layout.MAX_VALUE_LENGTH;

    /** Bits of a slot that come from the hash of the key; the other bits are the index of a chunk. */
    private static final int KEY_BITS = 19;

    private static final int KEY_MASK = (1 << KEY_BITS) - 1;

    private static final XXHash64 HASH = XXHashFactory.fastestJavaInstance().hash64();

    private final FileChannel channel;
    private final String header;
    private final int segments;
    private final int segmentHeaderSize;
    private final long segmentHeadersAt;
    private final long segmentsAt;

    private RawMap(FileChannel channel, Path file) throws IOException {
        this.channel = channel;
        ByteBuffer word = read(0, HEADER_AT);
        int length = word.remaining() < HEADER_AT ? 0 : word.getInt(HEADER_AT - 4) & LENGTH_MASK;
        if (length == 0 || length > MAX_HEADER_LENGTH || HEADER_AT + length > channel.size()) {
            throw new IOException(file + " does not begin like the file of a store");
        }
        ByteBuffer text = read(HEADER_AT, length);
        header = StandardCharsets.UTF_8.decode(text).toString();
        segments = number("actualSegments");
        segmentHeaderSize = number("segmentHeaderSize");
        if (number("chunkSize") != Layout.CHUNK_SIZE
                || number("actualChunksPerSegmentTier") != Layout.CHUNKS_PER_SEGMENT
                || number("tierHashLookupKeyBits") != KEY_BITS
                || number("tierHashLookupOuterSize") != TABLE
                || number("tierFreeListOuterSize") != FREE_LIST
                || number("tierSize") != SEGMENT_LENGTH
                || segmentHeaderSize < MIN_SEGMENT_HEADER
                || segmentHeaderSize > MAX_SEGMENT_HEADER
                || segments < 1) {
            throw new IOException(file + " is a Chronicle Map, but not a store of Refrain's");
        }
        segmentHeadersAt = roundUp(roundUp(HEADER_AT + length, CACHE_LINE) + GLOBAL_STATE, PAGE);
        segmentsAt = segmentHeadersAt + (long) segments * segmentHeaderSize;
        if (channel.size() < segmentsAt + (long) segments * SEGMENT_LENGTH) {
            throw new IOException(file + " is cut off: " + channel.size() + " bytes are there instead of "
                    + (segmentsAt + (long) segments * SEGMENT_LENGTH));
        }
    }

    /** @throws IOException if the file cannot be read or is not that of a store; the message says which */
    static RawMap open(Path file) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        try {
            return new RawMap(channel, file);
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    int segments() {
        return segments;
    }

    private int number(String field) throws IOException {
        Matcher matcher = Pattern.compile("\\b" + field + ": (\\d{1,9})\\b").matcher(header);
        if (!matcher.find()) {
            throw new IOException("the header of the map does not say " + field);
        }
        return Integer.parseInt(matcher.group(1));
    }

    private static long roundUp(long value, int to) {
        return (value + to - 1) / to * to;
    }

    private ByteBuffer read(long at, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining() && channel.read(buffer, at + buffer.position()) >= 0) {
            // Until the buffer is full or the file ends.
        }
        return buffer.flip();
    }

    /**
     * Whether some segment's header is impossible in a map that was closed cleanly, for example because its
     * lock is held.
     */
    boolean hasSuspects() throws IOException {
        for (int first = 0; first < segments; first += HEADERS_AT_A_TIME) {
            int count = Math.min(HEADERS_AT_A_TIME, segments - first);
            ByteBuffer heads = read(segmentHeadersAt + (long) first * segmentHeaderSize, count * segmentHeaderSize);
            for (int i = 0; i < count; i++) {
                if (isSuspect(heads.slice(i * segmentHeaderSize, segmentHeaderSize))) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Whether a segment's header is impossible in a map that was closed cleanly. */
    boolean isSuspect(int segment) throws IOException {
        return isSuspect(read(headerAt(segment), segmentHeaderSize));
    }

    private static boolean isSuspect(ByteBuffer sliced) {
        ByteBuffer header = sliced.order(ByteOrder.LITTLE_ENDIAN);
        int values = header.getInt(SegmentState.ENTRIES);
        int lowestFree = header.getInt(SegmentState.LOWEST_FREE);
        int parts = header.getInt(SegmentState.PARTS);
        return header.getLong(0) != 0
                || values < 0
                || values > MAX_VALUES
                || lowestFree < 0
                || lowestFree > Layout.CHUNKS_PER_SEGMENT
                || header.getLong(SegmentState.NEXT_TIER) != 0
                || header.getInt(SegmentState.DELETED) != 0
                || parts < 0
                || parts > values;
    }

    /** Where a segment's header begins in the file. */
    long headerAt(int segment) {
        return segmentHeadersAt + (long) segment * segmentHeaderSize;
    }

    /** Where a segment begins in the file. */
    long segmentAt(int segment) {
        return segmentsAt + (long) segment * SEGMENT_LENGTH;
    }

    /** The segment in which a key is looked for. */
    int segmentOf(byte[] key) {
        return segmentOf(HASH.hash(key, 0, key.length, 0), segments);
    }

    private static int segmentOf(long hashed, int segments) {
        return (int) (isPowerOfTwo(segments) ? hashed & (segments - 1) : (hashed & Integer.MAX_VALUE) % segments);
    }

    private static boolean isPowerOfTwo(int segments) {
        return Integer.bitCount(segments) == 1;
    }

    /** A copy of one segment as it is now. */
    Segment segment(int index) throws IOException {
        return new Segment(
                index, segments, read(headerAt(index), segmentHeaderSize), read(segmentAt(index), SEGMENT_LENGTH));
    }

    /** A copy of one segment. */
    static final class Segment {
        /** Length of a segment without its header. */
        static final int LENGTH = SEGMENT_LENGTH;

        final int index;
        /** Whether a process, which may be dead, holds the lock or waits for it. */
        final boolean isLocked;
        /** The number of values according to the header. */
        final int values;

        private final int segments;
        private final ByteBuffer header;
        private final ByteBuffer bytes;

        /**
         * @param segments number of segments in the map
         * @param header the segment's header, little-endian
         * @param bytes the segment without its header, little-endian
         */
        Segment(int index, int segments, ByteBuffer header, ByteBuffer bytes) {
            this.index = index;
            this.segments = segments;
            this.isLocked = header.getLong(0) != 0;
            this.values = header.getInt(SegmentState.ENTRIES);
            this.header = header;
            this.bytes = bytes;
        }

        /** The segment's header. */
        ByteBuffer header() {
            return header;
        }

        /** The part of the segment before its chunks: lookup table, counters and free list. */
        ByteBuffer directory() {
            return bytes.slice(0, CHUNKS_AT).order(ByteOrder.LITTLE_ENDIAN);
        }

        /** Offset of the free list in the directory. */
        int freeListAt() {
            return TABLE + COUNTERS;
        }

        int slot(int slot) {
            return bytes.getInt(slot * Integer.BYTES);
        }

        int slotsTaken() {
            int taken = 0;
            for (int slot = 0; slot < slots(); slot++) {
                taken += slot(slot) == 0 ? 0 : 1;
            }
            return taken;
        }

        int slots() {
            return TABLE / Integer.BYTES;
        }

        /** The index of the chunk at which a slot's value begins, or -1 if the slot is free. */
        int chunk(int slot) {
            int content = bytes.getInt(slot * Integer.BYTES);
            return content == 0 ? -1 : content >>> KEY_BITS;
        }

        boolean isAllocated(int chunk) {
            return (bytes.get(TABLE + COUNTERS + chunk / 8) >> (chunk % 8) & 1) != 0;
        }

        /** The value at a chunk, or null if no valid value can begin there. */
        Value value(int chunk) {
            return chunk < Layout.CHUNKS_PER_SEGMENT
                    ? parse(bytes.slice(
                            CHUNKS_AT + chunk * Layout.CHUNK_SIZE,
                            (Layout.CHUNKS_PER_SEGMENT - chunk) * Layout.CHUNK_SIZE))
                    : null;
        }

        /** Whether a lookup of the key searches this segment and matches the hash in this slot. */
        boolean isFoundBy(byte[] key, int slot) {
            long hashed = HASH.hash(key, 0, key.length, 0);
            int bits = isPowerOfTwo(segments) ? Integer.numberOfTrailingZeros(segments) : 31;
            long sought = hashed >>> bits & KEY_MASK;
            return segmentOf(hashed, segments) == index
                    && (sought == 0 ? KEY_MASK : sought) == (bytes.getInt(slot * Integer.BYTES) & KEY_MASK);
        }
    }

    /** The value at a chunk as it is now, or null if no valid value can begin there. */
    Value value(int segment, int chunk) throws IOException {
        int length = Math.min(LONGEST_VALUE, (Layout.CHUNKS_PER_SEGMENT - chunk) * Layout.CHUNK_SIZE);
        return parse(read(
                segmentsAt + (long) segment * SEGMENT_LENGTH + CHUNKS_AT + chunk * (long) Layout.CHUNK_SIZE, length));
    }

    private static Value parse(ByteBuffer bytes) {
        byte[] key = new byte[CacheStore.KEY_LENGTH];
        bytes.get(key);
        int length = 0;
        for (int i = 0; i < MAX_LENGTH_BYTES; i++) {
            byte next = bytes.get();
            length |= (next & 0x7F) << (7 * i);
            if (next >= 0) {
                if (length > Layout.MAX_VALUE_LENGTH || length > bytes.remaining()) {
                    return null;
                }
                byte[] content = new byte[length];
                bytes.get(content);
                return new Value(key, content, (bytes.position() - 1) / Layout.CHUNK_SIZE + 1);
            }
        }
        return null;
    }

    /** A key and its value. */
    static final class Value {
        private final byte[] key;
        private final byte[] content;
        private final int chunks;

        private Value(byte[] key, byte[] content, int chunks) {
            this.key = key;
            this.content = content;
            this.chunks = chunks;
        }

        byte[] key() {
            return key;
        }

        byte[] content() {
            return content;
        }

        /** The number of chunks that key and value take together. */
        int chunks() {
            return chunks;
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
