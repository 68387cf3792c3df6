package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.store.ChronicleStore;
import dev.refrain.engine.spi.EntryBuffer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Stores that earlier builds wrote, opened as docs/STORAGE-FORMAT.md says, which also tells how to add one. Each has
 * twenty answers: of a few bytes, of some KB, a stream, and one in several parts.
 */
class EarlierFormatsTest {
    private static final int ENTRIES = 20;
    private static final long CAPACITY = 16L << 20;
    /** When they were made; the answers lived for a day. */
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-11-29T04:00:00Z"), ZoneOffset.UTC);

    @TempDir
    Path directory;

    private Path unpacked(String name) throws IOException {
        try (InputStream in = EarlierFormatsTest.class.getResourceAsStream("formats/" + name + ".zip");
                ZipInputStream zip = new ZipInputStream(in)) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                Files.copy(zip, directory.resolve(entry.getName()));
            }
        }
        return directory.resolve("answers.refrain");
    }

    private static CacheRequest question(int number) {
        String request = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"question " + number + "\"}]}";
        return CacheRequest.of(Endpoint.CHAT, "sk-test", request.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Map format 2, of which the entries are taken over; but their keys have
     * another version, so each request is a miss.
     */
    @ParameterizedTest
    @ValueSource(strings = {"map2-entry2", "map2-entry3", "map2-entry4"})
    void aStoreOfMapFormat2IsOpenedAndItsEntriesLeaveByExpiry(String name) throws IOException {
        Path file = unpacked(name);
        try (ChronicleStore store = ChronicleStore.open(file, CAPACITY, CLOCK)) {
            assertThat(store.stats().entries()).isEqualTo(ENTRIES);
            assertThat(store.stats().failures()).isZero();
            EntryBuffer value = new EntryBuffer(64);
            assertThat(store.find(key -> true))
                    .hasSize(ENTRIES)
                    .allSatisfy(key -> assertThat(store.get(key, value)).isTrue());
        }
        assertThat(siblings()).isZero();
        answersMissAndAreStored(file);
        try (ChronicleStore store = ChronicleStore.open(file, CAPACITY, CLOCK)) {
            store.sweep(Long.MAX_VALUE);
            assertThat(store.stats().entries()).isZero();
            assertThat(store.stats().failures()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = "map1-entry1")
    void aStoreOfMapFormat1IsSetAside(String name) throws IOException {
        Path file = unpacked(name);
        try (ChronicleStore store = ChronicleStore.open(file, CAPACITY, CLOCK)) {
            assertThat(store.stats().entries()).isZero();
        }
        assertThat(siblings()).isEqualTo(1);
        answersMissAndAreStored(file);
    }

    private long siblings() throws IOException {
        try (var files = Files.list(directory)) {
            return files.filter(path -> path.toString().contains(".damaged-")).count();
        }
    }

    private static void answersMissAndAreStored(Path file) throws IOException {
        CachedResponse hit = new CachedResponse();
        try (ResponseCache cache = ResponseCache.open(file, CAPACITY)) {
            for (int i = 0; i < ENTRIES; i++) {
                assertThat(cache.lookup(cache.key(question(i)).orElseThrow(), hit))
                        .isFalse();
            }
            String answer =
                    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"m\","
                            + "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"new\"},"
                            + "\"finish_reason\":\"stop\"}]}";
            CacheKey key = cache.key(question(0)).orElseThrow();
            assertThat(cache.store(
                            key, "application/json", answer.getBytes(StandardCharsets.UTF_8), Duration.ofHours(1)))
                    .isTrue();
            assertThat(cache.lookup(key, hit)).isTrue();
            assertThat(cache.admin().stats().corruptions()).isZero();
        }
    }
}
