package dev.refrain.engine.internal.store;

import static dev.refrain.engine.internal.store.TestEntries.entry;
import static dev.refrain.engine.internal.store.TestEntries.isGenuine;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Large entries of which a part is lost or wrong. */
class LargeEntriesTest {
    private static final int LENGTH = 200_000;
    private static final int PARTS = (LENGTH - 1) / LargeEntries.PART_PAYLOAD + 1;

    @TempDir
    Path directory;

    private final StoreCounters counters = new StoreCounters();
    private final LargeEntries.Scratch scratch = new LargeEntries.Scratch();
    private final EntryBuffer found = new EntryBuffer(16);
    private final EntryBuffer displaced = new EntryBuffer(16);
    private final byte[] key = new byte[CacheStore.KEY_LENGTH];
    private SegmentMap map;
    private LargeEntries large;

    @BeforeEach
    void open() throws IOException {
        ChronicleRuntime.applySettings();
        map = new SegmentMap(
                MapFile.create(directory.resolve("map"), 16, true),
                counters,
                new Failures(counters, Clock.systemUTC()));
        large = new LargeEntries(map, 1 << 20);
        System.arraycopy(TestEntries.key(1), 0, key, 0, key.length);
        assertThat(large.put(key, entry(1, 1, LENGTH), null, displaced, scratch, 0))
                .isTrue();
    }

    @AfterEach
    void close() {
        map.close();
    }

    private boolean gather() {
        return map.get(key, found) && large.gather(key, found, scratch, true);
    }

    private List<byte[]> partKeys() {
        List<byte[]> keys = new ArrayList<>();
        map.forEach((partKey, value) -> {
            if (value.bytes()[Kind.OFFSET] == Kind.PART) {
                keys.add(partKey.clone());
            }
        });
        return keys;
    }

    @Test
    void allPartsMakeTheEntry() {
        assertThat(map.size()).isEqualTo(PARTS + 1);
        assertThat(map.parts()).isEqualTo(PARTS);
        assertThat(gather()).isTrue();
        assertThat(found.length()).isEqualTo(LENGTH);
        assertThat(isGenuine(1, found)).isTrue();
    }

    @Test
    void partsCarryTheTimesOfTheEntry() {
        map.forEach((anyKey, value) -> {
            assertThat(EntryHead.storedAt(value.bytes())).isEqualTo(1_000);
            assertThat(EntryHead.expiresAt(value.bytes())).isEqualTo(TestEntries.NEVER);
        });
    }

    @Test
    void aMissingPartMakesAMissAndTheRestIsRemoved() {
        for (int missing = 0; missing < PARTS; missing++) {
            map.remove(partKeys().get(missing), displaced);
            assertThat(gather()).isFalse();
            assertThat(map.size()).isZero();
            assertThat(map.parts()).isZero();
            assertThat(large.put(key, entry(1, 1, LENGTH), null, displaced, scratch, 0))
                    .isTrue();
        }
    }

    @Test
    void aPartOfTheWrongLengthIsIgnored() {
        byte[] partKey = partKeys().get(0);
        map.get(partKey, found);
        EntryBuffer shorter = new EntryBuffer(found.length());
        System.arraycopy(found.bytes(), 0, shorter.resize(found.length() - 1), 0, found.length() - 1);
        map.put(partKey, shorter, null, displaced, 0);
        assertThat(gather()).isFalse();
        assertThat(map.size()).isZero();
    }

    @Test
    void aManifestOfNonsenseIsIgnored() {
        map.get(key, found);
        byte[] sound = Arrays.copyOf(found.bytes(), found.length());
        for (int at = EntryHead.LENGTH; at < EntryHead.LENGTH + 8; at++) {
            EntryBuffer nonsense = new EntryBuffer(sound.length);
            System.arraycopy(sound, 0, nonsense.resize(sound.length), 0, sound.length);
            nonsense.bytes()[at] ^= (byte) 0xFF;
            map.put(key, nonsense, null, displaced, 0);
            assertThat(gather()).isFalse();
            assertThat(map.get(key, found)).isFalse();
        }
    }

    @Test
    void partsOfOneGenerationAreNeverTakenForAnother() {
        map.get(key, found);
        EntryBuffer olderManifest = new EntryBuffer(found.length());
        System.arraycopy(found.bytes(), 0, olderManifest.resize(found.length()), 0, found.length());
        assertThat(large.put(key, entry(1, 2, LENGTH), null, displaced, scratch, 0))
                .isTrue();
        large.removeParts(key, displaced, scratch);
        assertThat(map.size()).isEqualTo(PARTS + 1);

        // A reader has read the manifest just before it was replaced.
        EntryBuffer late = new EntryBuffer(16);
        System.arraycopy(olderManifest.bytes(), 0, late.resize(olderManifest.length()), 0, late.length());
        assertThat(large.gather(key, late, scratch, true)).isFalse();

        assertThat(gather()).as("the newer entry is untouched").isTrue();
        assertThat(TestEntries.generation(found)).isEqualTo(2);
    }

    @Test
    void anEntryLongerThanAllowedRemovesTheOlderOne() {
        assertThat(large.put(key, entry(1, 2, (1 << 20) + 1), null, displaced, scratch, 0))
                .isFalse();
        assertThat(map.get(key, found)).isFalse();
        large.removeParts(key, displaced, scratch);
        assertThat(map.size()).isZero();
    }
}
