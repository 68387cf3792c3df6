package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.utf8;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.EntryChecksum;
import dev.refrain.engine.internal.seal.EntrySeal;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.engine.spi.HeapStore;
import dev.refrain.testing.MovableClock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Access to the file is not enough to read a prompt or an answer, or to make one. */
class SealedStoreTest {
    private static final long CAPACITY = 16L << 20;
    private static final Duration TTL = Duration.ofHours(20);
    private static final String JSON = "application/json";

    @TempDir
    Path folder;

    private final MovableClock clock = new MovableClock();
    private final CachedResponse hit = new CachedResponse();

    private ResponseCache open(boolean seal) throws IOException {
        return ResponseCache.builder(folder.resolve("answers"))
                .capacityBytes(CAPACITY)
                .hotBytes(1 << 20)
                .preallocate(false)
                .clock(clock)
                .seal(seal)
                .open();
    }

    private static CacheRequest chat(String apiKey, int number) {
        return CacheRequest.of(
                Endpoint.CHAT, apiKey, utf8(CHAT_REQUEST.replaceFirst("\\{", "{\"seed\":" + number + ",")));
    }

    private static CacheKey key(ResponseCache cache, String apiKey, int number) {
        return cache.key(chat(apiKey, number)).orElseThrow();
    }

    private static CacheKey key(ResponseCache cache, int number) {
        return key(cache, "sk-test", number);
    }

    private static void store(ResponseCache cache, CacheKey key, String answer) {
        assertThat(cache.store(key, JSON, utf8(answer), TTL)).isTrue();
    }

    private String found(ResponseCache cache, CacheKey key) {
        return cache.lookup(key, hit) ? new String(hit.toByteArray(), UTF_8) : null;
    }

    /** An answer with a text that neither repeats nor compresses. */
    private static String answer(String text) {
        return "{\"id\":\"chatcmpl-Zk3mXQv81\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"m\","
                + "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"" + text
                + "\"},\"finish_reason\":\"stop\"}]}";
    }

    private static String text(int length) {
        StringBuilder text = new StringBuilder();
        new Random(7).ints(length, 'a', 'z' + 1).forEach(c -> text.append((char) c));
        return text.toString();
    }

    private static void addRuns(byte[] bytes, Set<Long> runs) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        for (int at = 0; at + 8 <= bytes.length; at++) {
            runs.add(buffer.getLong(at));
        }
    }

    private static void addRunsOf(byte[] bytes, Set<Long> wanted, Set<Long> found) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        for (int at = 0; at + 8 <= bytes.length; at++) {
            long run = buffer.getLong(at);
            if (run != 0 && wanted.contains(run)) {
                found.add(run);
            }
        }
    }

    @Test
    void noFileHoldsAnythingOfPromptsAndAnswers() throws IOException {
        String shortAnswer = answer(text(300));
        String longAnswer = answer(text(200_000));
        String prompt = "Why does the lighthouse keeper never answer letters from the mainland?";
        String previous = "{\"id\":\"resp_5f2c90aa7e1b\",\"object\":\"response\",\"created_at\":1700000000,"
                + "\"status\":\"completed\",\"model\":\"m\",\"output\":[]}";
        try (ResponseCache cache = open(true)) {
            store(cache, key(cache, 1), shortAnswer);
            store(cache, key(cache, 2), longAnswer);
            CacheRequest responses = CacheRequest.of(
                    Endpoint.RESPONSES, "sk-test", utf8("{\"model\":\"m\",\"input\":\"" + prompt + "\"}"));
            store(cache, cache.key(responses).orElseThrow(), previous);
            for (int i = 0; i < 5; i++) {
                assertThat(found(cache, key(cache, 1))).contains(text(300));
            }
        }
        List<String> secrets = List.of(shortAnswer, prompt, previous, "sk-test-" + 1, text(2_000), CHAT_REQUEST);
        Set<Long> runs = new HashSet<>();
        secrets.forEach(secret -> addRuns(utf8(secret), runs));
        int files = 0;
        try (var all = Files.list(folder)) {
            for (Path file : all.toList()) {
                Set<Long> found = new HashSet<>();
                addRunsOf(Files.readAllBytes(file), runs, found);
                assertThat(found).as("runs of 8 bytes in %s", file).isEmpty();
                files++;
            }
        }
        assertThat(files).isGreaterThan(3);
        try (ResponseCache cache = open(true)) {
            assertThat(found(cache, key(cache, 1))).contains(text(300));
            assertThat(found(cache, key(cache, 2))).contains(text(200_000));
            assertThat(cache.admin().inspect(key(cache, 2)).orElseThrow().bytes())
                    .isGreaterThan(200_000);
            assertThat(found(cache, key(cache, "sk-other", 1))).isNull();
            assertThat(cache.admin().stats().corruptions()).isZero();
        }
    }

    /** The note that leads from a hit's id to the provider's id is sealed, too. */
    @Test
    void theProvidersIdBehindAHitIsKnown() throws IOException {
        CacheRequest request =
                CacheRequest.of(Endpoint.RESPONSES, "sk-test", utf8("{\"model\":\"m\",\"input\":\"hi\"}"));
        String answer = "{\"id\":\"resp_5f2c90aa7e1b\",\"object\":\"response\",\"created_at\":1700000000,"
                + "\"status\":\"completed\",\"model\":\"m\",\"output\":[]}";
        for (boolean seal : new boolean[] {false, true, false}) {
            try (ResponseCache cache = open(seal)) {
                if (!seal && found(cache, cache.key(request).orElseThrow()) == null) {
                    store(cache, cache.key(request).orElseThrow(), answer);
                }
                assertThat(found(cache, cache.key(request).orElseThrow())).isNotNull();
                String id = hit.generationId();
                CacheScope scope = cache.pipeline().scope("sk-test");
                assertThat(cache.pipeline().providerId(scope, id)).contains("resp_5f2c90aa7e1b");
                assertThat(cache.pipeline().providerId(cache.pipeline().scope("sk-other"), id))
                        .isEmpty();
                store(cache, cache.key(request).orElseThrow(), answer);
            }
        }
    }

    @Test
    void hotCopiesAreUnsealedAndMatchedToTheSealedEntry() throws IOException {
        try (ResponseCache cache = open(true)) {
            CacheKey key = key(cache, 1);
            store(cache, key, answer("first"));
            for (int i = 0; i < 5; i++) {
                assertThat(found(cache, key)).contains("first");
            }
            assertThat(cache.admin().stats().hotHits()).isPositive();
            store(cache, key, answer("second"));
            assertThat(found(cache, key)).contains("second");
        }
    }

    /** Turning sealing on, and off again, loses no stored answer. */
    @Test
    void entriesFromBeforeAreReadUntilTheyExpire() throws IOException {
        try (ResponseCache cache = open(false)) {
            store(cache, key(cache, 1), CHAT_ANSWER);
        }
        clock.advance(Duration.ofHours(1));
        try (ResponseCache cache = open(true)) {
            assertThat(found(cache, key(cache, 1))).isNotNull();
            store(cache, key(cache, 2), CHAT_ANSWER);
        }
        clock.advance(Duration.ofHours(1));
        try (ResponseCache cache = open(true)) {
            assertThat(found(cache, key(cache, 1)))
                    .as("sealing began earlier, not at this opening")
                    .isNotNull();
        }
        try (ResponseCache cache = open(false)) {
            assertThat(found(cache, key(cache, 1))).isNotNull();
            assertThat(found(cache, key(cache, 2))).isNotNull();
            clock.advance(Duration.ofMinutes(1));
            store(cache, key(cache, 3), CHAT_ANSWER);
            assertThat(cache.admin().stats().corruptions()).isZero();
        }
        assertThat(folder.resolve("answers.sealed")).exists();
        clock.advance(Duration.ofDays(400));
        open(false).close();
        assertThat(folder.resolve("answers.sealed")).doesNotExist();
    }

    // ---- crafted entries

    private static EntryBuffer entry(CacheStore store, CacheKey key) {
        EntryBuffer entry = new EntryBuffer(64);
        assertThat(store.get(digest(key), entry)).isTrue();
        return EntryBuffer.of(Arrays.copyOf(entry.bytes(), entry.length()));
    }

    private static byte[] digest(CacheKey key) {
        byte[] digest = new byte[CacheKey.LENGTH];
        key.copyTo(digest, 0);
        return digest;
    }

    /** Stores an entry with a correct checksum: anybody who knows the format can compute it. */
    private static void plant(CacheStore store, CacheKey key, EntryBuffer entry) {
        EntryChecksum.write(digest(key), entry.bytes(), entry.length(), new CRC32C());
        assertThat(store.put(digest(key), entry)).isTrue();
    }

    private void assertCountedMiss(ResponseCache cache, CacheKey key) {
        long damaged = cache.admin().stats().corruptions();
        long misses = cache.admin().stats().misses();
        assertThat(found(cache, key)).isNull();
        assertThat(cache.admin().stats().corruptions()).isEqualTo(damaged + 1);
        assertThat(cache.admin().stats().misses()).isEqualTo(misses + 1);
        assertThat(found(cache, key)).as("the crafted entry has been removed").isNull();
        assertThat(cache.admin().stats().corruptions()).isEqualTo(damaged + 1);
    }

    @Test
    void f54_anEntryThatWasCraftedOrMovedIsACountedMiss() throws IOException {
        HeapStore store = new HeapStore(8 << 20);
        HeapStore open = new HeapStore(8 << 20);
        try (ResponseCache cache = ResponseCache.onHeap(CAPACITY)
                        .clock(clock)
                        .store(store)
                        .seal(true)
                        .open();
                ResponseCache unsealed =
                        ResponseCache.onHeap(CAPACITY).clock(clock).store(open).open()) {
            CacheKey one = key(cache, 1);
            store(cache, one, CHAT_ANSWER);
            EntryBuffer genuine = entry(store, one);
            assertThat(EntrySeal.isSealed(genuine)).isTrue();

            plant(store, key(cache, 2), entry(store, one));
            assertCountedMiss(cache, key(cache, 2));

            plant(store, key(cache, "sk-other", 1), entry(store, one));
            assertCountedMiss(cache, key(cache, "sk-other", 1));

            for (int at = 4; at < genuine.length(); at++) {
                EntryBuffer changed = EntryBuffer.of(Arrays.copyOf(genuine.bytes(), genuine.length()));
                changed.bytes()[at] ^= 1;
                plant(store, one, changed);
                assertThat(found(cache, one)).as("byte %d", at).isNull();
            }
            assertThat(cache.admin().stats().corruptions()).isGreaterThan(genuine.length() - 10);

            // An entry in the open format, as an unsealed store holds it.
            store(unsealed, key(unsealed, 1), CHAT_ANSWER);
            for (int bodyLength : new int[] {0, 100, 1 << 30, -1}) {
                EntryBuffer crafted = entry(open, key(unsealed, 1));
                if (bodyLength != 0) {
                    ByteBuffer.wrap(crafted.bytes())
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putInt(24, bodyLength);
                }
                plant(store, one, crafted);
                assertCountedMiss(cache, one);
            }
            EntryBuffer early = entry(open, key(unsealed, 1));
            ByteBuffer.wrap(early.bytes()).order(ByteOrder.LITTLE_ENDIAN).putLong(EntryHead.STORED_AT, 0);
            plant(store, one, early);
            assertCountedMiss(cache, one);

            plant(store, one, genuine);
            assertThat(found(cache, one)).isNotNull();
        }
    }

    /**
     * Anybody with write access to the file can make an unsealed entry. So unsealed entries from after the beginning of
     * sealing are not trusted.
     */
    @Test
    void f54_anOpenEntryFromAfterSealingBeganIsACountedMiss() throws IOException {
        try (ResponseCache cache = open(false)) {
            store(cache, key(cache, 1), CHAT_ANSWER);
        }
        try (ResponseCache cache = open(true)) {
            assertThat(found(cache, key(cache, 1))).isNotNull();
        }
        clock.advance(Duration.ofHours(-3));
        Files.writeString(folder.resolve("answers.sealed"), Long.toString(clock.millis() - 1));
        clock.advance(Duration.ofHours(3));
        try (ResponseCache cache = open(true)) {
            assertCountedMiss(cache, key(cache, 1));
        }
    }

    /** An entry whose key has no scope is sealed as well, under the installation's secret alone. */
    @Test
    void anEntryOfNoKnownScopeIsSealedToo() throws IOException {
        HeapStore store = new HeapStore(8 << 20);
        try (ResponseCache cache = ResponseCache.onHeap(CAPACITY)
                .clock(clock)
                .store(store)
                .seal(true)
                .open()) {
            CacheKey key = new CacheKey(Endpoint.CHAT, false, new byte[32], 0);
            store(cache, key, CHAT_ANSWER);
            assertThat(EntrySeal.isSealed(entry(store, key))).isTrue();
            assertThat(found(cache, key)).isNotNull();
        }
    }
}
