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
import java.util.Random;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Opens stores that earlier builds wrote, as docs/STORAGE-FORMAT.md requires; that page also says how to add a store.
 * Each store has twenty answers: short ones of a few bytes, longer ones of some KB, a stream, and one in several parts.
 */
class EarlierFormatsTest {
    private static final int ENTRIES = 20;
    private static final long CAPACITY = 16L << 20;
    /** The stores were made at this time; their answers lived for a day. */
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

    /** Entries of map format 2 are kept. Their keys have another version, so each request is a miss. */
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

    // ---- the present format

    /** A change of the format adds a new file here, and keeps this one as a file of an earlier format. */
    private static final String PRESENT = "map3-entry5";

    private static final int STREAM = 18;
    private static final int LONG = 19;

    private static CacheRequest presentQuestion(int number) {
        String request = "{\"model\":\"m\",\"stream\":" + (number == STREAM) + ",\"messages\":[{\"role\":\"user\","
                + "\"content\":\"question " + number + "\"}]}";
        return CacheRequest.of(Endpoint.CHAT, "sk-test", request.getBytes(StandardCharsets.UTF_8));
    }

    /** An answer of a few bytes or of some KB, the stream, or the answer in several parts, which does not compress. */
    private static String presentAnswer(int number, String id, long created) {
        String begin = "{\"id\":\"" + id + "\",\"created\":" + created + ",\"model\":\"m\",\"choices\":[{\"index\":0,";
        if (number == STREAM) {
            StringBuilder stream = new StringBuilder();
            for (int i = 0; i < 40; i++) {
                stream.append("data: ")
                        .append(begin)
                        .append("\"delta\":{\"content\":\"word ")
                        .append(i);
                stream.append("\"},\"finish_reason\":null}]}\n\n");
            }
            stream.append("data: ").append(begin).append("\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
            return stream.append("data: [DONE]\n\n").toString();
        }
        StringBuilder content = new StringBuilder("answer " + number);
        Random random = new Random(number);
        for (int i = number == LONG ? 100_000 : number * 200; i > 0; i--) {
            content.append((char) ('#' + random.nextInt(56)));
        }
        return begin + "\"message\":{\"role\":\"assistant\",\"content\":\"" + content
                + "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":0,\"total_tokens\":0}}";
    }

    private static ResponseCache presentCache(Path file) throws IOException {
        return ResponseCache.builder(file).capacityBytes(CAPACITY).clock(CLOCK).open();
    }

    @Test
    void whatAnEarlierBuildStoredInThePresentFormatIsAHit() throws IOException {
        Path file = unpacked(PRESENT);
        CachedResponse hit = new CachedResponse();
        try (ResponseCache cache = presentCache(file)) {
            assertThat(cache.admin().stats().store().entries()).isEqualTo(ENTRIES);
            for (int i = 0; i < ENTRIES; i++) {
                CacheKey key = cache.key(presentQuestion(i)).orElseThrow();
                assertThat(cache.lookup(key, hit)).as("question %s", i).isTrue();
                assertThat(new String(hit.toByteArray(), StandardCharsets.UTF_8))
                        .isEqualTo(presentAnswer(i, hit.generationId(), CLOCK.millis() / 1000));
                assertThat(hit.ageSeconds()).isZero();
                assertThat(hit.ttlSeconds()).isEqualTo(Duration.ofDays(1).toSeconds());
            }
            assertThat(cache.admin().stats().corruptions()).isZero();
        }
        assertThat(siblings()).isZero();
    }

    /** Writes the file for the test above, to the path in {@code -Drefrain.format}. */
    @Test
    @EnabledIfSystemProperty(named = "refrain.format", matches = ".+")
    void writesAStoreOfThePresentFormat() throws IOException {
        Path file = directory.resolve("answers.refrain");
        try (ResponseCache cache = presentCache(file)) {
            for (int i = 0; i < ENTRIES; i++) {
                byte[] answer = presentAnswer(i, "chatcmpl-" + i, 1_700_000_000).getBytes(StandardCharsets.UTF_8);
                String type = i == STREAM ? "text/event-stream" : "application/json";
                CacheKey key = cache.key(presentQuestion(i)).orElseThrow();
                assertThat(cache.store(key, type, answer, Duration.ofDays(1))).isTrue();
            }
        }
        try (ZipOutputStream zip =
                new ZipOutputStream(Files.newOutputStream(Path.of(System.getProperty("refrain.format"))))) {
            for (String suffix : new String[] {"", ".secret", ".lock"}) {
                zip.putNextEntry(new ZipEntry("answers.refrain" + suffix));
                Files.copy(directory.resolve("answers.refrain" + suffix), zip);
            }
        }
    }
}
