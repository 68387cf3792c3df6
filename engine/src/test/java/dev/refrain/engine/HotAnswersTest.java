package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.chat;
import static dev.refrain.engine.SampleAnswers.utf8;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.testing.ChildJvm;
import dev.refrain.testing.MovableClock;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A hot copy changes, expires and disappears together with its entry. */
class HotAnswersTest {
    private static final long CAPACITY = 16L << 20;
    private static final Duration TTL = Duration.ofMinutes(5);

    @TempDir
    Path folder;

    private final MovableClock clock = new MovableClock();
    private final CachedResponse hit = new CachedResponse();
    private ResponseCache cache;

    @BeforeEach
    void openCache() throws IOException {
        cache = open(1 << 20);
    }

    private ResponseCache open(long hotBytes) throws IOException {
        return ResponseCache.builder(folder.resolve("answers"))
                .capacityBytes(CAPACITY)
                .hotBytes(hotBytes)
                .staleIfError(Duration.ofMinutes(1))
                .clock(clock)
                .open();
    }

    @AfterEach
    void close() {
        cache.close();
    }

    private CacheKey key() {
        return cache.key(chat(CHAT_REQUEST)).orElseThrow();
    }

    private void store(String answer) {
        assertThat(cache.store(key(), "application/json", utf8(answer), TTL)).isTrue();
    }

    private void makeHot() {
        for (int i = 0; i < 3; i++) {
            assertThat(cache.lookup(key(), hit)).isTrue();
        }
        assertThat(isHot()).isTrue();
    }

    /** Whether a lookup is answered from the hot copy. */
    private boolean isHot() {
        long before = cache.admin().stats().hotHits();
        assertThat(cache.lookup(key(), hit)).isTrue();
        return cache.admin().stats().hotHits() > before;
    }

    private String body() {
        return new String(hit.toByteArray(), UTF_8);
    }

    /** The place of a body depends only on the head of its own copy, not on an entry that was read before. */
    @Test
    void hotAnswersOfOtherLengthsAreReadInTurn() {
        CacheKey other = cache.key(chat("{}")).orElseThrow();
        String otherAnswer = CHAT_ANSWER.replace("\"stop\"", "\"function_call\"");
        store(CHAT_ANSWER);
        assertThat(cache.store(other, "application/json; charset=utf-8", utf8(otherAnswer), TTL))
                .isTrue();
        makeHot();
        for (int i = 0; i < 4; i++) {
            assertThat(cache.lookup(other, hit)).isTrue();
        }
        for (int i = 0; i < 10; i++) {
            long before = cache.admin().stats().hotHits();
            assertThat(cache.lookup(key(), hit)).isTrue();
            assertThat(body()).contains("\"finish_reason\":\"stop\"").endsWith("}}");
            assertThat(hit.facts()).isEqualTo(SampleAnswers.CHAT_FACTS);
            assertThat(cache.lookup(other, hit)).isTrue();
            assertThat(body()).contains("\"finish_reason\":\"function_call\"").endsWith("}}");
            assertThat(hit.facts().finishReason()).isEqualTo("function_call");
            assertThat(cache.admin().stats().hotHits()).isEqualTo(before + 2);
        }
    }

    @Test
    void aHotHitIsLikeAnyOther() {
        store(CHAT_ANSWER);
        assertThat(isHot()).isFalse();
        String cold = body().replace(hit.generationId(), "id");
        makeHot();
        clock.advance(Duration.ofSeconds(12));

        assertThat(isHot()).isTrue();

        assertThat(body().replace(hit.generationId(), "id"))
                .isEqualTo(cold.replaceFirst("\"created\":[0-9]+", "\"created\":" + clock.millis() / 1000));
        assertThat(hit.generationId()).matches("gen-" + clock.millis() / 1000 + "-[A-Za-z0-9]{20}");
        assertThat(hit.contentType()).isEqualTo("application/json");
        assertThat(hit.sourceId()).isEqualTo("chatcmpl-1");
        assertThat(hit.ageSeconds()).isEqualTo(12);
        assertThat(hit.ttlSeconds()).isEqualTo(288);
        assertThat(hit.tokensSaved()).isEqualTo(21);
        assertThat(cache.admin().stats().hits()).isEqualTo(6);
        assertThat(cache.admin().stats().tokensSaved()).isEqualTo(6 * 21);
    }

    @Test
    void anAnswerInManyPiecesCanBeHot() throws IOException {
        cache.close();
        cache = open(8 << 20);
        String text = new java.util.SplittableRandom(1)
                .ints(40_000, 0, 10_000)
                .collect(StringBuilder::new, StringBuilder::append, StringBuilder::append)
                .toString();
        store(CHAT_ANSWER.replace("Hello", text));
        makeHot();

        assertThat(body()).contains(text);
    }

    @Test
    void anotherAnswerUnderTheSameKeyIsServedAtOnce() {
        store(CHAT_ANSWER);
        makeHot();
        store(CHAT_ANSWER.replace("Hello", "Salut"));

        assertThat(isHot()).isFalse();
        assertThat(body()).contains("Salut");
        makeHot();
        assertThat(body()).contains("Salut");
    }

    @Test
    void noCopySurvivesItsEntry() {
        store(CHAT_ANSWER);
        makeHot();
        assertThat(cache.remove(key())).isTrue();
        assertThat(cache.lookup(key(), hit)).isFalse();

        store(CHAT_ANSWER);
        makeHot();
        assertThat(cache.admin().clear()).isEqualTo(1);
        assertThat(cache.lookup(key(), hit)).isFalse();

        store(CHAT_ANSWER);
        makeHot();
        assertThat(cache.admin().removeScope("sk-test")).isEqualTo(1);
        assertThat(cache.lookup(key(), hit)).isFalse();
    }

    @Test
    void copiesExpire() {
        store(CHAT_ANSWER);
        makeHot();
        clock.advance(TTL.minusMillis(1));
        assertThat(isHot()).isTrue();
        clock.advance(Duration.ofMillis(1));
        assertThat(cache.lookup(key(), hit)).isFalse();

        clock.advance(Duration.ofMinutes(1));
        assertThat(cache.admin().sweep()).isEqualTo(1);
        assertThat(cache.lookup(key(), hit)).isFalse();
    }

    @Test
    void aCopyIsServedWhereAnExpiredAnswerMayBe() {
        store(CHAT_ANSWER);
        makeHot();
        clock.advance(TTL.plusSeconds(30));
        RecordingSink sink = new RecordingSink();

        assertThat(cache.answers().replayOnError(key(), 60_000, ForwardReason.STALE, 500, sink))
                .isTrue();
        assertThat(cache.admin().stats().hotHits()).isEqualTo(3);
    }

    @Test
    void damageToTheEntryBehindACopyDoesNoHarm() throws IOException {
        store(CHAT_ANSWER);
        makeHot();
        // Damages the body of the stored entry, not its head. The copy was made from the whole entry.
        Path file = folder.resolve("answers");
        byte[] bytes = Files.readAllBytes(file);
        int model = indexOf(bytes, utf8("chat.completion"));
        try (var channel = java.nio.channels.FileChannel.open(file, java.nio.file.StandardOpenOption.WRITE)) {
            channel.write(java.nio.ByteBuffer.wrap(utf8("CHAT")), model);
        }

        assertThat(isHot()).isTrue();
        assertThat(body()).contains("chat.completion");

        cache.close();
        cache = open(0);
        assertThat(cache.lookup(key(), hit)).isFalse();
        assertThat(cache.admin().stats().corruptions()).isEqualTo(1);
    }

    private static int indexOf(byte[] bytes, byte[] word) {
        for (int i = 0; i < bytes.length - word.length; i++) {
            if (java.util.Arrays.equals(bytes, i, i + word.length, word, 0, word.length)) {
                return i;
            }
        }
        throw new AssertionError("not there");
    }

    @Test
    void hotCopiesCanBeTurnedOff() throws IOException {
        cache.close();
        cache = open(0);
        store(CHAT_ANSWER);
        for (int i = 0; i < 5; i++) {
            assertThat(isHot()).isFalse();
        }
        assertThatThrownBy(() -> ResponseCache.builder(folder).hotBytes(-1))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void changesByAnotherProcessAreSeenAtOnce() throws IOException {
        cache.close();
        cache = ResponseCache.open(folder.resolve("answers"), CAPACITY);
        Process other = ChildJvm.builder(CacheShell.class, folder.resolve("answers"), CAPACITY)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (BufferedReader answers = other.inputReader()) {
            assertThat(answers.readLine()).isEqualTo("open");

            store(CHAT_ANSWER);
            makeHot();
            assertThat(ask(other, answers, "replace")).isEqualTo("true");
            assertThat(isHot()).isFalse();
            assertThat(body()).contains("Salut");

            makeHot();
            assertThat(ask(other, answers, "remove")).isEqualTo("true");
            assertThat(cache.lookup(key(), hit)).isFalse();

            store(CHAT_ANSWER);
            makeHot();
            assertThat(ask(other, answers, "hit")).isEqualTo("true");
            assertThat(isHot()).isTrue();
            assertThat(ask(other, answers, "clear")).isEqualTo("1");
            assertThat(cache.lookup(key(), hit)).isFalse();
        } finally {
            other.destroyForcibly();
        }
    }

    private static String ask(Process other, BufferedReader answers, String command) throws IOException {
        other.outputWriter().write(command + "\n");
        other.outputWriter().flush();
        return answers.readLine();
    }
}
