package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.testing.MovableClock;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@link CachePipeline#find}: key and answer in one step. */
class FoundInOneStepTest {
    private static final byte[] REQUEST = bytes("{\"model\":\"m\"}");
    private static final String ANSWER = "{\"id\":\"chatcmpl-1\",\"choices\":[{\"message\":{\"content\":\"%s\"},"
            + "\"finish_reason\":\"stop\"}],\"usage\":{\"total_tokens\":7}}";

    private final MovableClock clock = new MovableClock();
    private ResponseCache cache;
    private CachePipeline pipeline;
    private KeyContext context;

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @BeforeEach
    void open() throws IOException {
        open(MemoryBudget.ofHeap());
    }

    private void open(MemoryBudget memory) throws IOException {
        cache = ResponseCache.onHeap(32 << 20).clock(clock).memory(memory).open();
        pipeline = cache.pipeline();
        context = pipeline.context(Endpoint.CHAT, pipeline.scope("k")).build();
    }

    @AfterEach
    void close() {
        cache.close();
    }

    private CachePipeline.Found find() {
        return pipeline.find(context, REQUEST, CacheDirectives.NONE);
    }

    private void store(String text) {
        CacheKey key = cache.key(CacheRequest.of(context, REQUEST)).orElseThrow();
        assertThat(cache.store(key, "application/json", bytes(ANSWER.formatted(text)), Duration.ofMinutes(5)))
                .isTrue();
    }

    @Test
    void aMissHasTheKeyAndCountsNothing() {
        CachePipeline.Found found = find();
        assertThat(found.key())
                .isEqualTo(cache.key(CacheRequest.of(context, REQUEST)).orElseThrow());
        assertThat(found.head()).isNull();
        assertThat(found.body()).isNull();
        assertThat(cache.admin().stats().misses()).isZero();
    }

    @Test
    void aHitFillsTheCallersResponse() {
        store("Hello");
        clock.advance(Duration.ofSeconds(100));
        CachePipeline.Found first = find();
        CachePipeline.Found byKey = pipeline.find(first.key(), CacheDirectives.NONE);
        for (CachePipeline.Found found : new CachePipeline.Found[] {first, byKey}) {
            assertThat(found.head().contentLength()).isEqualTo(found.body().length);
            assertThat(found.head().contentType()).isEqualTo("application/json");
            assertThat(found.head().cache()).isInstanceOfSatisfying(CacheOutcome.Hit.class, hit -> {
                assertThat(hit.ageSeconds()).isEqualTo(100);
                assertThat(hit.sourceId()).isEqualTo("chatcmpl-1");
                assertThat(hit.savings().tokens()).isEqualTo(7);
            });
            assertThat(new String(found.body(), StandardCharsets.UTF_8))
                    .contains("Hello", "\"" + found.head().generationId() + "\"", "\"total_tokens\":0");
        }
        assertThat(first.body()).isNotSameAs(byKey.body());
        assertThat(cache.admin().stats().hits()).isEqualTo(2);
    }

    @Test
    void anAnswerThatIsTooOldIsAMiss() {
        store("Hello");
        clock.advance(Duration.ofSeconds(100));
        CacheDirectives young = new CacheDirectives(false, false, 99, false, 0);
        assertThat(pipeline.find(context, REQUEST, young).body()).isNull();
        assertThat(find().body()).isNotNull();
        clock.advance(Duration.ofMinutes(5));
        assertThat(find().body()).isNull();
    }

    @Test
    void anIneligibleRequestHasNoKey() {
        for (String body : new String[] {"", "[]", "{\"model\":", "nothing"}) {
            assertThat(pipeline.find(context, bytes(body), CacheDirectives.NONE))
                    .isEqualTo(new CachePipeline.Found(null, null, null));
        }
    }

    @Test
    void aSampleIsFoundByTheKeyThatNamesIt() {
        KeyContext third =
                pipeline.context(Endpoint.CHAT, pipeline.scope("k")).sample(3).build();
        store("Hello");
        CachePipeline.Found found = pipeline.find(third, REQUEST, CacheDirectives.NONE);
        assertThat(found.body()).isNull();
        assertThat(found.key().sample()).isEqualTo(3);
        assertThat(found.key())
                .isEqualTo(cache.key(CacheRequest.of(third, REQUEST)).orElseThrow());
    }

    /** After such a miss, the request is fetched or refused, as if {@code find} had not been called. */
    @Test
    void anAnswerForWhichThereIsNoMemoryIsAMissHere() throws IOException {
        cache.close();
        MemoryBudget memory = new MemoryBudget(64 << 20);
        open(memory);
        store("x".repeat(4 << 20));
        assertThat(memory.reserve(memory.limitBytes(), MemoryBudget.Use.UNDER_WAY))
                .isTrue();
        assertThat(find().body()).isNull();
        memory.release(memory.limitBytes());
        assertThat(find().body()).hasSizeGreaterThan(4 << 20);
        assertThat(memory.usedBytes()).isZero();
    }

    @Test
    void anotherCachesContextIsRefused() throws IOException {
        try (ResponseCache other = ResponseCache.onHeap(4 << 20).open()) {
            assertThatThrownBy(() -> other.pipeline().find(context, REQUEST, CacheDirectives.NONE))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }
}
