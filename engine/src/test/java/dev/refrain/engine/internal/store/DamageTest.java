package dev.refrain.engine.internal.store;

import static dev.refrain.engine.internal.store.TestEntries.NEVER;
import static dev.refrain.engine.internal.store.TestEntries.entry;
import static dev.refrain.engine.internal.store.TestEntries.isGenuine;
import static dev.refrain.engine.internal.store.TestEntries.isIntact;
import static dev.refrain.engine.internal.store.TestEntries.key;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.testing.CapturedLog;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Flipped bits anywhere in a closed file. Opening stays within its time limit, no damaged entry passes for a whole one,
 * and the process survives. After at most one more opening, the store is as good as new.
 */
class DamageTest {
    private static final long CAPACITY = 16L << 20;
    private static final int SEGMENTS = 16;
    private static final int ENTRIES = 1_000;
    private static final Duration BOUND = Duration.ofSeconds(10);
    private static final Clock CLOCK = Clock.fixed(Instant.ofEpochMilli(50_000), ZoneOffset.UTC);

    /** Offset in bytes, for 16 segments; see docs/STORAGE-FORMAT.md. */
    private static final int SEGMENT_HEADERS_AT = 4096;

    private static final int SEGMENT_HEADER = 192;
    private static final int SEGMENTS_AT = SEGMENT_HEADERS_AT + SEGMENTS * SEGMENT_HEADER;
    private static final int SEGMENT = 1_047_616;
    private static final int LOOKUP = 32_768;
    private static final int CHUNKS_AT = 33_856;

    @TempDir
    Path directory;

    private final CapturedLog log = new CapturedLog(ChronicleStore.class.getName());
    private final EntryBuffer found = new EntryBuffer(16);

    @AfterEach
    void closeLog() {
        log.close();
    }

    enum Place {
        GLOBAL_STATE,
        SEGMENT_HEADER,
        INDEX,
        INDEX_OF_LAST_SEGMENT,
        FREE_LIST,
        ENTRY_HEAD,
        PAYLOAD;

        /** The place of a byte to damage. */
        int pick(ByteBuffer file, SplittableRandom random) {
            int segment = random.nextInt(SEGMENTS);
            int at = SEGMENTS_AT + segment * SEGMENT;
            return switch (this) {
                case GLOBAL_STATE -> 1_856 + random.nextInt(1_024);
                case SEGMENT_HEADER -> SEGMENT_HEADERS_AT + segment * DamageTest.SEGMENT_HEADER + random.nextInt(16);
                case INDEX -> at + random.nextInt(LOOKUP);
                case INDEX_OF_LAST_SEGMENT -> SEGMENTS_AT + (SEGMENTS - 1) * SEGMENT + random.nextInt(LOOKUP);
                case FREE_LIST -> at + LOOKUP + 64 + random.nextInt(1_024);
                // Key, length of the value, and its head.
                case ENTRY_HEAD -> anEntry(file, at, random) + random.nextInt(32 + 3 + EntryHead.LENGTH);
                case PAYLOAD -> anEntry(file, at, random) + 32 + 3 + EntryHead.LENGTH + random.nextInt(1_000);
            };
        }

        private static int anEntry(ByteBuffer file, int segment, SplittableRandom random) {
            int slot;
            do {
                slot = file.getInt(segment + 4 * random.nextInt(LOOKUP / 4));
            } while (slot == 0);
            return segment + CHUNKS_AT + (slot >>> 19) * 128;
        }
    }

    private ChronicleStore open() throws IOException {
        long start = System.nanoTime();
        ChronicleStore store = ChronicleStore.open(directory.resolve("answers"), CAPACITY, CLOCK);
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(BOUND);
        return store;
    }

    private byte[] filledFile() throws IOException {
        try (ChronicleStore store = open()) {
            for (int i = 0; i < ENTRIES; i++) {
                store.put(key(i), entry(i, 0, i % 50 == 0 ? 100_000 : 2_000 + i));
            }
        }
        return Files.readAllBytes(directory.resolve("answers"));
    }

    @ParameterizedTest
    @EnumSource(Place.class)
    void flippedBits(Place place) throws IOException {
        byte[] intact = filledFile();
        byte[] lock = Files.readAllBytes(directory.resolve("answers.lock"));
        byte[] secret = Files.readAllBytes(directory.resolve("answers.secret"));
        SplittableRandom random = new SplittableRandom(place.name().hashCode());
        for (int round = 0; round < 3; round++) {
            byte[] damaged = intact.clone();
            ByteBuffer file = ByteBuffer.wrap(intact).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < 8; i++) {
                damaged[place.pick(file, random)] ^= (byte) (1 << random.nextInt(8));
            }
            Files.write(directory.resolve("answers"), damaged);
            Files.write(directory.resolve("answers.lock"), lock);
            Files.write(directory.resolve("answers.secret"), secret);
            assertWorks();
        }
    }

    @Test
    void zeroedPages() throws IOException {
        byte[] damaged = filledFile();
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 40; i++) {
            int page = random.nextInt(1, damaged.length / 4096) * 4096;
            Arrays.fill(damaged, page, page + 4096, (byte) 0);
        }
        Files.write(directory.resolve("answers"), damaged);
        assertThat(assertWorks()).isLessThan(ENTRIES);
    }

    /**
     * Uses all functions of the store, opens it again, and expects it to be as good as new. Returns the number of
     * entries left.
     */
    private int assertWorks() throws IOException {
        int intact = 0;
        try (ChronicleStore store = open()) {
            for (int i = 0; i < ENTRIES; i++) {
                if (store.get(key(i), found) && isIntact(i, found)) {
                    assertThat(isGenuine(i, found)).as("entry %s", i).isTrue();
                    intact++;
                } else {
                    store.remove(key(i));
                }
            }
            store.sweep(CLOCK.millis());
            overfill(store, 1);
            store.sweep(CLOCK.millis());
        }
        try (ChronicleStore store = open()) {
            for (int i = 0; i < ENTRIES; i++) {
                store.remove(key(i));
            }
            overfill(store, 2);
        }
        try (ChronicleStore store = open()) {
            assertThat(overfill(store, 3)).isZero();
            assertThat(store.sweep(CLOCK.millis())).isPositive();
            assertThat(store.stats().failures()).isZero();
        }
        assertThat(log.lines())
                .allMatch(line -> line.contains(" was not closed cleanly: recovered ")
                        || line.contains(" cannot be used: ")
                        || line.contains("The cache's store failed to ")
                        || line.contains(" has been locked for a second"));
        return intact;
    }

    /** Puts more than fits, some of it expired. Returns the number of refused entries. */
    private static int overfill(ChronicleStore store, int generation) {
        int refused = 0;
        for (int i = 0; i < 6_000; i++) {
            long expiresAt = i % 5 == 0 ? CLOCK.millis() : NEVER;
            refused += store.put(key(i), entry(i, generation, 3_000, generation * 10_000 + i, expiresAt)) ? 0 : 1;
        }
        return refused;
    }
}
