package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.engine.stats.NamespaceFacts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Namespaces and samples in the engine (wire rule W82). */
class NamespacesTest {
    private static final Duration TTL = Duration.ofHours(1);

    @TempDir
    Path folder;

    private Path file() {
        return folder.resolve("answers.refrain");
    }

    private ResponseCache open() throws IOException {
        return ResponseCache.builder(file()).capacityBytes(16 << 20).open();
    }

    private static CacheKey key(ResponseCache cache, String namespace, int sample, String body) {
        CachePipeline pipeline = cache.pipeline();
        KeyContext.Builder context =
                pipeline.context(Endpoint.CHAT, pipeline.scope("sk-test")).namespace(namespace);
        if (sample != CacheKey.NO_SAMPLE) {
            context.sample(sample);
        }
        return cache.key(CacheRequest.of(context.build(), utf8(body))).orElseThrow();
    }

    private static void store(ResponseCache cache, CacheKey key, String answer) {
        assertThat(cache.store(key, "application/json", utf8(answer), TTL)).isTrue();
    }

    @Test
    void w82_keysOfNamespacesAndSamplesAreAllDifferent() throws IOException {
        try (ResponseCache cache = ResponseCache.onHeap(1 << 20).open()) {
            Set<CacheKey> keys = new HashSet<>();
            for (String namespace : new String[] {"", "a", "b", "ab", "bytes"}) {
                for (int sample : new int[] {CacheKey.NO_SAMPLE, 0, 1, 255, 256, 9999}) {
                    CacheKey key = key(cache, namespace, sample, CHAT_REQUEST);
                    assertThat(keys.add(key)).as("%s %s", namespace, sample).isTrue();
                    assertThat(key.namespace()).isEqualTo(namespace.isEmpty() ? null : namespace);
                    assertThat(key.sample()).isEqualTo(sample);
                    // The key is the same if the sample is added later, and if the request is in the memo.
                    if (sample >= 0) {
                        assertThat(key(cache, namespace, CacheKey.NO_SAMPLE, CHAT_REQUEST)
                                        .withSample(sample))
                                .isEqualTo(key);
                    }
                    for (int i = 0; i < 20; i++) {
                        cache.lookup(key, new CachedResponse());
                        assertThat(key(cache, namespace, sample, CHAT_REQUEST)).isEqualTo(key);
                    }
                }
            }
            CacheKey first = key(cache, "", 0, CHAT_REQUEST);
            assertThatThrownBy(() -> first.withSample(1)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> key(cache, "a b", 0, CHAT_REQUEST)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> key(cache, "a", 10_000, CHAT_REQUEST))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    /** A request that repeats byte for byte gets its key from the memo, and must not get the key of another sample. */
    @Test
    void w82_aKnownRequestKeepsItsSample() throws IOException {
        try (ResponseCache cache = open()) {
            CacheKey[] keys = new CacheKey[3];
            for (int i = 0; i < keys.length; i++) {
                keys[i] = key(cache, "n", i, CHAT_REQUEST);
                store(cache, keys[i], CHAT_ANSWER);
            }
            for (int round = 0; round < 50; round++) {
                for (int i = 0; i < keys.length; i++) {
                    CacheKey again = key(cache, "n", i, CHAT_REQUEST);
                    assertThat(again).isEqualTo(keys[i]);
                    assertThat(again.sample()).isEqualTo(i);
                    assertThat(cache.lookup(again, new CachedResponse())).isTrue();
                }
            }
        }
    }

    /** A long answer is stored in several parts. They are removed with it, and count as one entry. */
    @Test
    void w82_namespacesAreCountedAndRemovedWithAllTheirParts() throws IOException {
        String longAnswer = CHAT_ANSWER.replace(
                "Hello",
                new java.util.Random(1)
                        .ints(100_000, '#', '[')
                        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                        .toString());
        try (ResponseCache cache = open()) {
            store(cache, key(cache, "a", -1, CHAT_REQUEST), longAnswer);
            store(cache, key(cache, "a", 1, CHAT_REQUEST), CHAT_ANSWER);
            store(cache, key(cache, "b", -1, CHAT_REQUEST), CHAT_ANSWER);
            store(cache, key(cache, "", -1, CHAT_REQUEST), CHAT_ANSWER);
        }
        assertThat(Files.readAllLines(folder.resolve("answers.refrain.namespaces")))
                .containsExactly("a", "b");
        assertThat(PosixFilePermissions.toString(
                        Files.getPosixFilePermissions(folder.resolve("answers.refrain.namespaces"))))
                .isEqualTo("rw-------");
        try (ResponseCache cache = open()) {
            assertThat(cache.admin().namespaces())
                    .isEqualTo(List.of(new NamespaceFacts("a", 2), new NamespaceFacts("b", 1)));
            assertThat(cache.admin().removeNamespace("never")).isZero();
            assertThat(cache.admin().removeNamespace("a")).isEqualTo(2);
            assertThat(cache.admin().namespaces()).isEqualTo(List.of(new NamespaceFacts("b", 1)));
            assertThat(cache.lookup(key(cache, "", -1, CHAT_REQUEST), new CachedResponse()))
                    .isTrue();
            assertThat(cache.admin().removeModel("acme/large") + cache.admin().removeModel("m"))
                    .isEqualTo(2);
            assertThat(cache.admin().stats().store().entries()).isZero();
        }
    }

    @Test
    void w82_theListOfNamesIsBoundedAndLeavesOutInvalidNames() throws IOException {
        Namespaces names = new Namespaces(file());
        for (int i = 0; i < Namespaces.MOST + 10; i++) {
            names.note("n" + i);
        }
        assertThat(names.names()).hasSize(Namespaces.MOST);
        Path list = folder.resolve("answers.refrain.namespaces");
        assertThat(Files.readAllLines(list)).hasSize(Namespaces.MOST);
        Files.writeString(list, "good\n../bad\n\n<script>\ngood\n");
        assertThat(new Namespaces(file()).names()).containsExactly("good");
    }

    @Test
    void aLabelServesForModelAndNamespace() {
        long model = 0x1234_5678_9ABC_DEF0L;
        assertThat(EntryHead.label(model, 0)).isEqualTo(model);
        long label = EntryHead.label(model, 0x8000_0001);
        assertThat(label).isEqualTo(0x1234_5678_8000_0001L);
        assertThat(EntryHead.isOfModel(label, model)).isTrue();
        assertThat(EntryHead.isOfModel(label, ~model)).isFalse();
        assertThat(EntryHead.isOfNamespace(label, 0x8000_0001)).isTrue();
        assertThat(EntryHead.isOfNamespace(label, 1)).isFalse();
    }
}
