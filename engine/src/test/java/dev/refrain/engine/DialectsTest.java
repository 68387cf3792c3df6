package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.HeapStore;
import dev.refrain.engine.usage.AnswerMeter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The dialects of providers: whether an answer is stored (W16), what is counted (W61) and what a hit changes (W25).
 */
class DialectsTest {
    private ResponseCache cache;

    @BeforeEach
    void open() throws IOException {
        cache = ResponseCache.builder(Path.of("unused"))
                .store(new HeapStore(1L << 26))
                .open();
    }

    @AfterEach
    void close() {
        cache.close();
    }

    static List<Dialect> dialects() {
        return Dialect.all().toList();
    }

    private CacheKey key(Dialect dialect) {
        return cache.key(CacheRequest.of(
                        dialect.endpoint(),
                        "sk-test",
                        utf8("{\"model\":\"m\",\"stream\":" + dialect.streaming() + "}")))
                .orElseThrow();
    }

    /** Delivers the answer in pieces of seven bytes, with a head that does not describe the body. */
    private static void deliver(Dialect dialect, ResponseSink sink) {
        sink.head(new ResponseHead(200, null, null, -1, null, null, Map.of()));
        byte[] answer = utf8(dialect.answer());
        for (int at = 0; at < answer.length; at += 7) {
            sink.chunk(ByteBuffer.wrap(answer, at, Math.min(7, answer.length - at)));
        }
        sink.end();
    }

    private static AnswerFacts withoutId(AnswerFacts facts) {
        return new AnswerFacts(
                null,
                facts.promptTokens(),
                facts.completionTokens(),
                facts.tokens(),
                facts.costNanos(),
                facts.finishReason());
    }

    @ParameterizedTest
    @MethodSource("dialects")
    void w16_f7_f8_f9_f46_isStoredIfItIsWholeAndItsHitSavesWhatItCost(Dialect dialect) {
        List<AnswerFacts> counted = new ArrayList<>();
        ResponseSink capture = cache.pipeline().capture(key(dialect), Duration.ofMinutes(5), new RecordingSink());
        assertThat(capture.whenCounted(counted::add)).isTrue();
        deliver(dialect, capture);

        assertThat(counted)
                .singleElement()
                .satisfies(facts -> assertThat(withoutId(facts)).isEqualTo(dialect.facts()));
        CachedResponse hit = new CachedResponse();
        assertThat(cache.lookup(key(dialect), hit)).isEqualTo(dialect.stored());
        if (dialect.stored()) {
            assertThat(hit.facts()).isEqualTo(dialect.facts());
            String body = new String(hit.toByteArray(), StandardCharsets.UTF_8);
            if (dialect.text("hit-has") != null) {
                assertThat(body).contains(dialect.text("hit-has"));
            }
            if (dialect.text("hit-lacks") != null) {
                assertThat(body).doesNotContain(dialect.text("hit-lacks"));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dialects")
    void w61_isCountedAlikeWhereNothingIsStored(Dialect dialect) {
        AnswerMeter meter = new AnswerMeter(dialect.endpoint(), new MemoryBudget(1 << 30));
        deliver(dialect, new ResponseSink() {
            @Override
            public void head(ResponseHead head) {
                meter.head(head);
            }

            @Override
            public void chunk(ByteBuffer bytes) {
                meter.chunk(bytes);
            }

            @Override
            public void end() {
                meter.end();
            }

            @Override
            public void fail(Throwable cause) {
                throw new AssertionError(cause);
            }
        });
        assertThat(withoutId(meter.facts())).isEqualTo(dialect.facts());
    }

    /** An answer that is too long to be stored is counted as well. */
    @ParameterizedTest
    @MethodSource("dialects")
    void w61_isCountedAlikeIfItIsTooLong(Dialect dialect) throws IOException {
        // Skips answers of a single event: an event over the limit is not parsed.
        assumeThat(dialect.streaming()
                        && dialect.answer().indexOf("\n\n") == dialect.answer().length() - 2)
                .isFalse();
        try (ResponseCache small = ResponseCache.builder(Path.of("unused"))
                .store(new HeapStore(1L << 26))
                .maxAnswerBytes(dialect.streaming() ? utf8(dialect.answer()).length - 1 : 20)
                .open()) {
            List<AnswerFacts> counted = new ArrayList<>();
            ResponseSink capture = small.pipeline().capture(key(dialect), Duration.ofMinutes(5), new RecordingSink());
            assertThat(capture.whenCounted(counted::add)).isTrue();
            deliver(dialect, capture);
            assertThat(counted)
                    .singleElement()
                    .satisfies(facts -> assertThat(withoutId(facts)).isEqualTo(dialect.facts()));
        }
    }
}
