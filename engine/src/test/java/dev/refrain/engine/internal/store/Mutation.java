package dev.refrain.engine.internal.store;

import dev.refrain.engine.internal.EntryChecksum;
import dev.refrain.engine.spi.EntryHead;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;

/** One way to damage a store of 16 segments. A seed determines the exact damage. */
enum Mutation {
    HEADER_DIGITS,
    HEADER_BYTES,
    GLOBAL_STATE,
    SEGMENT_HEADER,
    SLOTS,
    FULL_TABLE,
    TIER_COUNTERS,
    FREE_LIST,
    ENTRY_HEAD,
    VALUE_LENGTH,
    CRAFTED_HEAD,
    ANY_BYTES,
    ZEROED_PAGES,
    NOISE,
    TRUNCATED,
    EXTENDED,
    LOCK_FILE,
    LOCK_FILE_LENGTH,
    SECRET,
    MISSING_FILE,
    OTHER_STORES_FILE;

    /** The layout below is that of a store of 16 segments; see docs/STORAGE-FORMAT.md. */
    private static final int SEGMENTS = 16;

    private static final int GLOBAL_STATE_AT = 1_856;
    private static final int SEGMENT_HEADERS_AT = 4_096;
    private static final int SEGMENT_HEADER_LENGTH = 192;
    private static final int SEGMENTS_AT = SEGMENT_HEADERS_AT + SEGMENTS * SEGMENT_HEADER_LENGTH;
    private static final int SEGMENT = 1_047_616;
    private static final int TABLE = 32_768;
    private static final int CHUNKS_AT = 33_856;
    private static final int CHUNKS = 7_920;
    private static final int[] EXTREMES = {0, 1, -1, Integer.MIN_VALUE, Integer.MAX_VALUE, CHUNKS - 1, CHUNKS, 1 << 30};

    /**
     * Whether this damage can happen to an open store: only mapped memory can change then. Damage to locks is left out,
     * because each damaged lock costs a second.
     */
    boolean isPossibleWhileOpen() {
        return this == SLOTS
                || this == FULL_TABLE
                || this == TIER_COUNTERS
                || this == FREE_LIST
                || this == ENTRY_HEAD
                || this == VALUE_LENGTH
                || this == CRAFTED_HEAD
                || this == SEGMENT_HEADER
                || this == NOISE
                || this == ZEROED_PAGES;
    }

    /**
     * Damages a store.
     *
     * @param file the store's map
     * @param other the map of another store
     * @param isOpen whether a process has the store open
     */
    void apply(Path file, Path other, boolean isOpen, SplittableRandom random) throws IOException {
        switch (this) {
            case LOCK_FILE -> flip(beside(file, ".lock"), 0, 72, random);
            case LOCK_FILE_LENGTH -> resize(beside(file, ".lock"), random.nextInt(80));
            case SECRET -> {
                if (random.nextBoolean()) {
                    flip(beside(file, ".secret"), 0, 32, random);
                } else {
                    resize(beside(file, ".secret"), random.nextInt(64));
                }
            }
            case MISSING_FILE -> {
                for (String suffix : new String[] {"", ".lock", ".secret"}) {
                    if (random.nextInt(3) == 0) {
                        Files.deleteIfExists(beside(file, suffix));
                    }
                }
            }
            case OTHER_STORES_FILE -> {
                int which = random.nextInt(1, 7);
                String[] suffixes = {"", ".lock", ".secret"};
                for (int i = 0; i < 3; i++) {
                    if ((which >> i & 1) != 0) {
                        Files.copy(
                                beside(other, suffixes[i]),
                                beside(file, suffixes[i]),
                                StandardCopyOption.REPLACE_EXISTING);
                    }
                }
            }
            case TRUNCATED ->
                resize(file, random.nextInt(4) == 0 ? random.nextInt(5_000) : random.nextLong(Files.size(file)));
            case EXTENDED -> resize(file, Files.size(file) + random.nextLong(1, 3 << 20));
            default -> {
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                    damage(channel, isOpen, random);
                }
            }
        }
    }

    private void damage(FileChannel map, boolean isOpen, SplittableRandom random) throws IOException {
        int segment = SEGMENTS_AT + random.nextInt(SEGMENTS) * SEGMENT;
        switch (this) {
            case HEADER_DIGITS -> digits(map, random);
            case HEADER_BYTES -> some(map, 0, GLOBAL_STATE_AT, random);
            case GLOBAL_STATE -> some(map, GLOBAL_STATE_AT, 64, random);
            case SEGMENT_HEADER -> {
                for (int i = random.nextInt(1, 4); i > 0; i--) {
                    int at = SEGMENT_HEADERS_AT + random.nextInt(SEGMENTS) * SEGMENT_HEADER_LENGTH;
                    number(map, at + 4 * random.nextInt(isOpen ? 2 : 0, 8), random);
                }
            }
            case SLOTS -> {
                for (int i = random.nextInt(1, 400); i > 0; i--) {
                    int at = SEGMENTS_AT + random.nextInt(SEGMENTS) * SEGMENT + 4 * random.nextInt(TABLE / 4);
                    write(map, at, ByteBuffer.allocate(4).putInt(0, random.nextInt()));
                }
            }
            case FULL_TABLE -> {
                ByteBuffer table = read(map, segment, TABLE);
                boolean keepsSlots = random.nextBoolean();
                for (int i = 0; i < TABLE; i += 4) {
                    if (table.getInt(i) == 0 || !keepsSlots) {
                        table.putInt(i, random.nextInt() | 1);
                    }
                }
                write(map, segment, table);
            }
            case TIER_COUNTERS -> {
                for (int i = random.nextInt(1, 4); i > 0; i--) {
                    number(map, segment + TABLE + 4 * random.nextInt(16), random);
                }
            }
            case FREE_LIST -> some(map, segment + TABLE + 64, 1_024, random);
            case ENTRY_HEAD -> {
                for (int i = 0; i < 20; i++) {
                    some(map, anEntry(map, random), 32 + 3 + EntryHead.LENGTH, random);
                }
            }
            case VALUE_LENGTH -> {
                for (int i = 0; i < 20; i++) {
                    byte[] length = new byte[random.nextInt(1, 10)];
                    Arrays.fill(length, (byte) (0x80 | random.nextInt(128)));
                    length[length.length - 1] = (byte) random.nextInt(128);
                    write(map, anEntry(map, random) + 32, ByteBuffer.wrap(length));
                }
            }
            case CRAFTED_HEAD -> {
                for (int i = 0; i < 20; i++) {
                    craft(map, anEntry(map, random), random);
                }
            }
            case ANY_BYTES -> some(map, 0, (int) map.size(), random);
            case ZEROED_PAGES -> {
                for (int i = random.nextInt(1, 40); i > 0; i--) {
                    int first = isOpen ? SEGMENTS_AT / 4_096 + 1 : 0;
                    long page = random.nextLong(first, map.size() / 4_096) * 4_096;
                    write(map, page, ByteBuffer.allocate(4_096));
                }
            }
            case NOISE -> {
                ByteBuffer noise = ByteBuffer.allocate(random.nextInt(1, 200_000));
                random.nextBytes(noise.array());
                write(map, random.nextInt(isOpen ? SEGMENTS_AT : 0, SEGMENTS_AT + 15 * SEGMENT), noise);
            }
            default -> throw new AssertionError(this);
        }
    }

    /** Changes digits of numbers in the header's text. */
    private static void digits(FileChannel map, SplittableRandom random) throws IOException {
        ByteBuffer header = read(map, 12, GLOBAL_STATE_AT - 12);
        String text = StandardCharsets.ISO_8859_1.decode(header.duplicate()).toString();
        int[] digits = text.chars().map(c -> Character.isDigit(c) ? 1 : 0).toArray();
        for (int i = random.nextInt(1, 3); i > 0; ) {
            int at = random.nextInt(digits.length);
            if (digits[at] == 1) {
                header.put(at, (byte) ('0' + random.nextInt(10)));
                i--;
            }
        }
        write(map, 12, header);
    }

    private static void some(FileChannel map, long from, int length, SplittableRandom random) throws IOException {
        for (int i = random.nextInt(1, 20); i > 0; i--) {
            long at = from + random.nextInt(length);
            ByteBuffer one = read(map, at, 1);
            one.put(0, random.nextBoolean() ? (byte) random.nextInt() : (byte) (one.get(0) ^ 1 << random.nextInt(8)));
            write(map, at, one);
        }
    }

    private static void number(FileChannel map, long at, SplittableRandom random) throws IOException {
        int value = random.nextBoolean() ? EXTREMES[random.nextInt(EXTREMES.length)] : random.nextInt();
        write(map, at, ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(0, value));
    }

    /** The place of a random entry's key. */
    private static long anEntry(FileChannel map, SplittableRandom random) throws IOException {
        for (int tries = 0; tries < 100_000; tries++) {
            int segment = SEGMENTS_AT + random.nextInt(SEGMENTS) * SEGMENT;
            int slot = read(map, segment + 4 * random.nextInt(TABLE / 4), 4).getInt(0);
            if (slot != 0 && slot >>> 19 < CHUNKS - 8) {
                return segment + CHUNKS_AT + (slot >>> 19) * 128L;
            }
        }
        return SEGMENTS_AT + CHUNKS_AT;
    }

    /**
     * Writes impossible numbers into a head, under a correct checksum. Heads of manifests and parts are also changed;
     * they have no checksum of their own.
     */
    private static void craft(FileChannel map, long at, SplittableRandom random) throws IOException {
        ByteBuffer value = read(map, at, 32 + 3 + Layout.MAX_VALUE_LENGTH);
        int length = 0;
        int lengthBytes = 0;
        while (lengthBytes < 3) {
            byte next = value.get(32 + lengthBytes);
            length |= (next & 0x7F) << (7 * lengthBytes++);
            if (next >= 0) {
                break;
            }
        }
        int contentAt = 32 + lengthBytes;
        if (length < 88 || contentAt + length > value.limit()) {
            return;
        }
        for (int i = random.nextInt(1, 4); i > 0; i--) {
            // Changes only the head of an entry, because its content is not the store's concern.
            boolean isManifest = value.get(contentAt + Kind.OFFSET) == Kind.MANIFEST;
            // Keeps a manifest's version: with that of an entry, and a correct checksum, it would be a forged entry.
            boolean isKind = !isManifest && random.nextInt(6) == 0;
            int field = contentAt + (isKind ? Kind.OFFSET : 8 + 4 * random.nextInt(isManifest ? 20 : 14));
            value.putInt(field, random.nextBoolean() ? EXTREMES[random.nextInt(EXTREMES.length)] : random.nextInt());
        }
        byte[] key = new byte[32];
        byte[] content = new byte[length];
        value.get(0, key).get(contentAt, content);
        EntryChecksum.write(key, content, length, new CRC32C());
        write(map, at + contentAt, ByteBuffer.wrap(content));
    }

    private static void flip(Path path, int from, int length, SplittableRandom random) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            some(channel, from, (int) Math.min(length, channel.size()), random);
        }
    }

    private static void resize(Path path, long length) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(length);
        }
    }

    static Path beside(Path file, String suffix) {
        return file.resolveSibling(file.getFileName() + suffix);
    }

    private static ByteBuffer read(FileChannel channel, long at, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining() && channel.read(buffer, at + buffer.position()) >= 0) {
            // reads until the buffer is full or the file ends
        }
        return buffer.position(0).limit(length);
    }

    private static void write(FileChannel channel, long at, ByteBuffer bytes) throws IOException {
        bytes.rewind();
        for (long to = at; bytes.hasRemaining(); ) {
            to += channel.write(bytes, to);
        }
    }
}
