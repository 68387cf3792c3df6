package dev.refrain.engine.internal.store;

import static dev.refrain.engine.internal.store.TestEntries.entry;
import static dev.refrain.engine.internal.store.TestEntries.isGenuine;
import static dev.refrain.engine.internal.store.TestEntries.key;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.spi.EntryBuffer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A segment that is damaged while the store is open is repaired at once, and no intact entry is lost. */
class SegmentRepairTest {
    private static final int KEYS = 500;
    /** Segments of a store of the minimum capacity. */
    private static final int SEGMENTS = 16;
    /** Slots of the hash table at the beginning of a segment; each has four bytes. */
    private static final int SLOTS = 8_192;
    /** Offset of the list of free chunks: after the table and 64 bytes of counters. A zero bit is a free chunk. */
    private static final int FREE_LIST = SLOTS * Integer.BYTES + 64;

    @TempDir
    Path directory;

    private final EntryBuffer found = new EntryBuffer(16);
    private ChronicleStore store;

    @BeforeEach
    void fill() throws IOException {
        store = ChronicleStore.open(file(), Layout.MIN_CAPACITY, Clock.systemUTC(), false, true);
        for (int i = 0; i < KEYS; i++) {
            assertThat(store.put(key(i), entry(i, 0, 1_000))).isTrue();
        }
    }

    @AfterEach
    void close() {
        store.close();
    }

    private Path file() {
        return directory.resolve("answers");
    }

    /** Changes the directory of each segment: everything before its chunks. */
    private void damage(Consumer<ByteBuffer> change) throws IOException {
        try (RawMap map = RawMap.open(file());
                FileChannel channel = FileChannel.open(file(), StandardOpenOption.WRITE)) {
            for (int i = 0; i < map.segments(); i++) {
                ByteBuffer directory = map.segment(i).directory().order(ByteOrder.LITTLE_ENDIAN);
                change.accept(directory);
                channel.write(directory.rewind(), map.segmentAt(i));
            }
        }
    }

    /** Looks up, or otherwise uses, a key of each segment. */
    private void touchAll(Consumer<byte[]> touch) throws IOException {
        Set<Integer> touched = new HashSet<>();
        try (RawMap map = RawMap.open(file())) {
            for (int i = KEYS; touched.size() < map.segments(); i++) {
                if (touched.add(map.segmentOf(key(i)))) {
                    touch.accept(key(i));
                }
            }
        }
    }

    private int genuine() {
        int genuine = 0;
        for (int i = 0; i < KEYS; i++) {
            if (store.get(key(i), found)) {
                assertThat(isGenuine(i, found)).as("key %s", i).isTrue();
                genuine++;
            }
        }
        return genuine;
    }

    @Test
    void f52_aTableWithoutAFreeSlotIsRebuiltFromIntactEntries() throws IOException {
        damage(directory -> {
            for (int slot = 0; slot < SLOTS; slot++) {
                if (directory.getInt(slot * Integer.BYTES) == 0) {
                    directory.putInt(slot * Integer.BYTES, 0x7FFF_FFFF);
                }
            }
        });
        touchAll(key -> assertThat(store.get(key, found)).isFalse());
        assertThat(store.stats().failures()).isEqualTo(SEGMENTS);
        assertThat(genuine()).isEqualTo(KEYS);
        assertThat(store.stats().entries()).isEqualTo(KEYS);
        assertThat(store.stats().failures()).isEqualTo(SEGMENTS);
    }

    @Test
    void removingAnEntryWhoseChunksAreMarkedFreeDamagesNoNeighbour() throws IOException {
        damage(directory -> {
            for (int at = FREE_LIST; at < directory.limit(); at++) {
                directory.put(at, (byte) 0);
            }
        });
        int removed = 0;
        for (int i = 0; i < KEYS; i++) {
            // The first removal in each segment notices the damage, fails, and repairs the segment.
            removed += store.remove(key(i)) ? 1 : 0;
        }
        assertThat(store.stats().failures()).isEqualTo(SEGMENTS);
        assertThat(removed).isEqualTo(KEYS - SEGMENTS);
        assertThat(genuine()).isEqualTo(SEGMENTS);
        for (int i = 0; i < KEYS; i++) {
            assertThat(store.put(key(i), entry(i, 1, 1_000))).isTrue();
        }
        assertThat(genuine()).isEqualTo(KEYS);
    }
}
