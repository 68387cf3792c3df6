package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.testing.ChildJvm;
import dev.refrain.testing.MovableClock;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which prompts and answers are in memory outside the heap, and for how long. */
class PurgedMemoryTest {
    private static final long CAPACITY = 16L << 20;
    private static final Duration TTL = Duration.ofMinutes(5);

    @TempDir
    Path folder;

    private final MovableClock clock = new MovableClock();
    private ResponseCache cache;

    @BeforeEach
    void open() throws IOException {
        cache = ResponseCache.builder(folder.resolve("answers"))
                .capacityBytes(CAPACITY)
                .hotBytes(2 << 20)
                .memoBytes(2 << 20)
                .clock(clock)
                .open();
    }

    @AfterEach
    void close() {
        cache.close();
    }

    private static CacheRequest request(String apiKey, String name) {
        return CacheRequest.of(Endpoint.CHAT, apiKey, utf8(CHAT_REQUEST.replace("hello", "PROMPT-" + name)));
    }

    private void store(String apiKey, String name) {
        CacheKey key = cache.key(request(apiKey, name)).orElseThrow();
        assertThat(cache.store(key, "application/json", utf8(CHAT_ANSWER.replace("Hello", "ANSWER-" + name)), TTL))
                .isTrue();
    }

    private void hit(String apiKey, String name) {
        CacheKey key = cache.key(request(apiKey, name)).orElseThrow();
        assertThat(cache.lookup(key, new CachedResponse())).isTrue();
    }

    private void makeHot(String apiKey, String name) {
        store(apiKey, name);
        for (int i = 0; i < 5; i++) {
            hit(apiKey, name);
        }
        assertIsInMemory(name);
    }

    private void assertIsInMemory(String name) {
        assertThat(RingBytes.ofCopies(cache)).contains("ANSWER-" + name);
        assertThat(RingBytes.ofRequests(cache)).contains("PROMPT-" + name);
    }

    private void assertIsGone(String name) {
        assertThat(RingBytes.ofCopies(cache)).doesNotContain("ANSWER-" + name);
        assertThat(RingBytes.ofRequests(cache)).doesNotContain("PROMPT-" + name);
    }

    @Test
    void aPurgeWipesCopiesAndKnownRequests() {
        Map<String, Consumer<ResponseCache>> purges = Map.of(
                "scope", all -> all.admin().removeScope("sk-1"),
                "tagged",
                        all -> all.admin()
                                .removeScopeTagged(cache.key(request("sk-1", "tagged"))
                                        .orElseThrow()
                                        .scope()),
                "digest",
                        all -> all.admin()
                                .removeDigest(cache.key(request("sk-1", "digest"))
                                        .orElseThrow()
                                        .shortDigest()));
        makeHot("sk-2", "other");
        purges.forEach((name, purge) -> {
            makeHot("sk-1", name);
            // Leaves an old hot copy of an entry that has been overwritten in the store, and not looked up since.
            store("sk-1", name);

            purge.accept(cache);

            assertIsGone(name);
            assertIsInMemory("other");
        });
        cache.admin().removeModel("acme/large");
        assertIsGone("other");

        makeHot("sk-1", "all");
        cache.admin().clear();
        assertIsGone("all");
        assertThat(RingBytes.ofCopies(cache) + RingBytes.ofRequests(cache)).doesNotContain("acme/large");
    }

    @Test
    void removingOneAnswerWipesItsCopyAtOnceAndTheRequestWithTheNextSweep() {
        makeHot("sk-1", "one");
        makeHot("sk-1", "two");
        assertThat(cache.remove(cache.key(request("sk-1", "one")).orElseThrow()))
                .isTrue();

        assertThat(RingBytes.ofCopies(cache)).doesNotContain("ANSWER-one");
        cache.admin().sweep();
        assertIsGone("one");
        assertIsInMemory("two");
    }

    @Test
    void anExpiredEntryIsWipedByTheSweepThatRemovesIt() {
        makeHot("sk-1", "old");
        clock.advance(TTL.minusSeconds(1));
        cache.admin().sweep();
        assertIsInMemory("old");
        clock.advance(Duration.ofSeconds(1));

        assertThat(cache.admin().sweep()).isEqualTo(1);
        assertIsGone("old");
    }

    @Test
    void aCopyOfAnOlderAnswerIsWipedWhenALookupMeetsIt() {
        makeHot("sk-1", "replaced");
        CacheKey key = cache.key(request("sk-1", "replaced")).orElseThrow();
        cache.store(key, "application/json", utf8(CHAT_ANSWER), TTL);

        hit("sk-1", "replaced");
        assertThat(RingBytes.ofCopies(cache)).doesNotContain("ANSWER-replaced");
    }

    @Test
    void anotherProcessPurgesAndTheNextSweepWipes() throws IOException {
        cache.close();
        cache = ResponseCache.builder(folder.resolve("answers"))
                .capacityBytes(CAPACITY)
                .hotBytes(2 << 20)
                .memoBytes(2 << 20)
                .open();
        Process other = ChildJvm.builder(CacheShell.class, folder.resolve("answers"), CAPACITY)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (BufferedReader answers = other.inputReader()) {
            assertThat(answers.readLine()).isEqualTo("open");
            makeHot("sk-1", "shared");
            other.outputWriter().write("clear\n");
            other.outputWriter().flush();
            assertThat(answers.readLine()).isEqualTo("1");

            cache.admin().sweep();
            assertIsGone("shared");
        } finally {
            other.destroyForcibly();
        }
    }

    @Test
    void closingLeavesNothing() {
        makeHot("sk-1", "closed");
        cache.close();

        assertIsGone("closed");
    }

    /** One request asks for its key several times. That must not count as several requests. */
    @Test
    void f20_aPromptThatWasSentOnceIsNotKept() {
        Lookup lookup = cache.pipeline().newLookup();
        KeyContext context = cache.pipeline()
                .context(Endpoint.CHAT, cache.pipeline().scope("sk-1"))
                .build();
        for (int i = 0; i < 2_000; i++) {
            CacheRequest request = request("sk-1", "once-" + i + "-");
            byte[] body = request.bytes();
            assertThat(lookup.find(context, body, 0, body.length)).isNull();
            assertThat(cache.pipeline()
                            .respondIfStored(
                                    cache.key(request).orElseThrow(), CacheDirectives.NONE, new RecordingSink()))
                    .isFalse();
            CacheKey key = lookup.key().orElseThrow();
            assertThat(cache.admin().keyParts(request)).isPresent();
            assertThat(cache.store(key, "application/json", utf8(CHAT_ANSWER), TTL))
                    .isTrue();
        }
        assertThat(RingBytes.ofRequests(cache)).doesNotContain("PROMPT-once-");

        for (int i = 0; i < 4; i++) {
            hit("sk-1", "once-7-");
        }
        assertThat(RingBytes.ofRequests(cache)).contains("PROMPT-once-7-").doesNotContain("PROMPT-once-8-");
    }
}
