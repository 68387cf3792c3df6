package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.CHAT_STREAM;
import static dev.refrain.engine.SampleAnswers.chat;
import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.stats.CacheStats;
import dev.refrain.engine.stats.EntryFacts;
import dev.refrain.testing.MovableClock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The facade: whole answers, streams, removal, limits. Long, since it covers all of the facade. */
class ResponseCacheTest {
    private static final Duration TTL = Duration.ofMinutes(5);

    @TempDir
    Path folder;

    private final MovableClock clock = new MovableClock();
    private final CachedResponse hit = new CachedResponse();
    private ResponseCache cache;

    @BeforeEach
    void open() throws IOException {
        cache = ResponseCache.builder(folder.resolve("answers.refrain"))
                .capacityBytes(16 << 20)
                .maxRequestBytes(4096)
                .maxAnswerBytes(64 * 1024)
                .clock(clock)
                .ticker(() -> clock.millis() * 1_000_000)
                .open();
    }

    @AfterEach
    void close() {
        cache.close();
    }

    private CacheKey chatKey() {
        return cache.key(chat(CHAT_REQUEST)).orElseThrow();
    }

    // ---- key, lookup, store and remove

    @Test
    void aStoredAnswerComesBackWithANewIdTheCurrentTimeAndNoUsage() {
        assertThat(cache.store(chatKey(), "application/json", utf8(CHAT_ANSWER), TTL))
                .isTrue();
        clock.advance(Duration.ofSeconds(12));

        assertThat(cache.lookup(chatKey(), hit)).isTrue();

        assertThat(new String(hit.toByteArray(), java.nio.charset.StandardCharsets.UTF_8))
                .isEqualTo(CHAT_ANSWER
                        .replace("chatcmpl-1", hit.generationId())
                        .replace("1700000000", Long.toString(clock.millis() / 1000))
                        .replace(":9,", ":0,")
                        .replace(":12,", ":0,")
                        .replace(":21}", ":0}"));
        assertThat(hit.generationId()).matches("gen-" + clock.millis() / 1000 + "-[A-Za-z0-9]{20}");
        assertThat(hit.contentType()).isEqualTo("application/json");
        assertThat(hit.sourceId()).isEqualTo("chatcmpl-1");
        assertThat(hit.ageSeconds()).isEqualTo(12);
        assertThat(hit.ttlSeconds()).isEqualTo(288);
        assertThat(hit.tokensSaved()).isEqualTo(21);
    }

    @Test
    void w20_anEntryIsServedUntilItsTtlIsOverAndNotAMillisecondLonger() {
        cache.store(chatKey(), "application/json", utf8(CHAT_ANSWER), Duration.ofSeconds(1));

        clock.advance(Duration.ofMillis(999));
        assertThat(cache.lookup(chatKey(), hit)).isTrue();
        clock.advance(Duration.ofMillis(1));
        assertThat(cache.lookup(chatKey(), hit)).isFalse();
        assertThat(cache.admin().stats().store().entries()).isEqualTo(1);
        assertThat(cache.admin().sweep()).isEqualTo(1);
        assertThat(cache.admin().stats().store().entries()).isZero();
    }

    @Test
    void answersAreRemovedByApiKeyByModelAndAltogether() {
        String other = CHAT_REQUEST.replaceFirst("\"model\": *\"[^\"]*\"", "\"model\":\"other/model\"");
        assertThat(other).isNotEqualTo(CHAT_REQUEST);
        for (String apiKey : new String[] {"key-1", "key-2", "key-3"}) {
            for (String body : new String[] {CHAT_REQUEST, other}) {
                CacheKey key = cache.key(CacheRequest.of(Endpoint.CHAT, apiKey, utf8(body)))
                        .orElseThrow();
                cache.store(key, "application/json", utf8(CHAT_ANSWER), TTL);
            }
        }

        assertThat(cache.admin().removeScope("key-1")).isEqualTo(2);
        assertThat(cache.admin().removeScope("key-1")).isZero();
        assertThat(cache.admin().removeModel("other/model")).isEqualTo(2);
        assertThat(cache.lookup(
                        cache.key(CacheRequest.of(Endpoint.CHAT, "key-2", utf8(other)))
                                .orElseThrow(),
                        hit))
                .isFalse();
        assertThat(cache.lookup(
                        cache.key(CacheRequest.of(Endpoint.CHAT, "key-2", utf8(CHAT_REQUEST)))
                                .orElseThrow(),
                        hit))
                .isTrue();
        assertThat(cache.admin().clear()).isEqualTo(2);
        assertThat(cache.admin().stats().store().entries()).isZero();
        assertThat(cache.admin().stats().byEndpoint().get(Endpoint.CHAT)).isEqualTo(new CacheStats.Lookups(1, 1));
        assertThat(cache.admin().stats().byEndpoint().get(Endpoint.MESSAGES)).isEqualTo(new CacheStats.Lookups(0, 0));
    }

    @Test
    void anAnswerIsRemovedByTheKeyThatLogsShow() {
        CacheKey one = cache.key(CacheRequest.of(Endpoint.CHAT, "key-1", utf8(CHAT_REQUEST)))
                .orElseThrow();
        CacheKey two = cache.key(CacheRequest.of(Endpoint.CHAT, "key-2", utf8(CHAT_REQUEST)))
                .orElseThrow();
        cache.store(one, "application/json", utf8(CHAT_ANSWER), TTL);
        cache.store(two, "application/json", utf8(CHAT_ANSWER), TTL);

        assertThat(cache.admin().removeDigest("000000000000")).isZero();
        assertThat(cache.admin().removeDigest(one.shortDigest())).isEqualTo(1);
        assertThat(cache.lookup(one, hit)).isFalse();
        assertThat(cache.admin().removeScopeTagged(one.scope())).isZero();
        assertThat(cache.admin().removeScopeTagged(two.scope())).isEqualTo(1);
        assertThat(cache.admin().stats().store().entries()).isZero();
        assertThat(one.digest()).hasSize(64).startsWith(one.shortDigest());
        assertThatThrownBy(() -> cache.admin().removeDigest("6f1e0c33a9d"))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> cache.admin().removeDigest(".*")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void anAnswerIsInspectedWithoutCountingAsAHit() {
        assertThat(cache.admin().inspect(chatKey())).isEmpty();
        cache.store(chatKey(), "application/json", utf8(CHAT_ANSWER), Duration.ofSeconds(60));
        cache.lookup(chatKey(), hit);
        cache.lookup(chatKey(), hit);
        clock.advance(Duration.ofSeconds(12));

        EntryFacts facts = cache.admin().inspect(chatKey()).orElseThrow();

        assertThat(facts.ageSeconds()).isEqualTo(12);
        assertThat(facts.ttlSeconds()).isEqualTo(48);
        assertThat(facts.hits()).isEqualTo(2);
        assertThat(cache.admin().inspect(chatKey()).orElseThrow().hits()).isEqualTo(2);
        assertThat(facts.sourceId()).isEqualTo("chatcmpl-1");
        assertThat(facts.tokensSaved()).isEqualTo(21);
        assertThat(facts.bytes()).isEqualTo(hit.length());
        assertThat(facts.storedBytes()).isPositive();
        assertThat(cache.admin().stats().hits()).isEqualTo(2);
        assertThat(cache.admin().stats().misses()).isZero();

        clock.advance(Duration.ofSeconds(60));
        assertThat(cache.admin().inspect(chatKey()).orElseThrow().ttlSeconds()).isEqualTo(-12);
    }

    private CacheRequest at(String upstream, String query, String body) {
        KeyContext.Builder context =
                cache.pipeline().context(Endpoint.CHAT, cache.pipeline().scope("sk-test"));
        return CacheRequest.of(context.upstream(upstream).query(query).build(), utf8(body));
    }

    @Test
    void theKeysPartsShowHowTwoRequestsDiffer() {
        CacheRequest request = at("https://a.example/v1", "", CHAT_REQUEST);
        KeyParts parts = cache.admin().keyParts(request).orElseThrow();

        assertThat(parts.key()).isEqualTo(cache.key(request).orElseThrow());
        assertThat(parts.upstream()).isEqualTo("https://a.example/v1");
        assertThat(parts.query()).isEmpty();
        assertThat(parts.preset()).isEmpty();
        assertThat(parts.scope()).isEqualTo(parts.key().scope()).matches("[0-9a-f]{12}");
        assertThat(parts.body()).matches("[0-9a-f]{12}");
        // White space is no part of the key.
        assertThat(cache.admin().keyParts(at("https://a.example/v1", "", " " + CHAT_REQUEST)))
                .contains(parts);
        KeyParts other = cache.admin()
                .keyParts(at("https://a.example/v1", "a=b", CHAT_REQUEST))
                .orElseThrow();
        assertThat(other.query()).matches("[0-9a-f]{12}");
        assertThat(other.body()).isEqualTo(parts.body());
        assertThat(cache.admin().keyParts(chat("[1]"))).isEmpty();
    }

    @Test
    void aTtlOutsideOneSecondToOneYearIsRefused() {
        assertThatThrownBy(() -> cache.store(chatKey(), "", utf8(CHAT_ANSWER), Duration.ofMillis(999)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("365 days");
        assertThatThrownBy(() -> cache.store(chatKey(), "", utf8(CHAT_ANSWER), Duration.ofDays(366)))
                .isInstanceOf(IllegalArgumentException.class);
        CacheKey key = chatKey();
        assertThatThrownBy(() -> cache.pipeline().capture(key, Duration.ofDays(366), new RecordingSink()))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void anAnswerThatIsNoSuccessIsNotStored() {
        assertThat(cache.store(chatKey(), "application/json", utf8("{\"error\":{\"message\":\"no\"}}"), TTL))
                .isFalse();
        assertThat(cache.store(chatKey(), "application/json", utf8("<html>"), TTL))
                .isFalse();
        assertThat(cache.lookup(chatKey(), hit)).isFalse();
        assertThat(cache.admin().stats().rejections()).isEqualTo(2);
    }

    @Test
    void removeRemovesOneKey() {
        CacheKey other = cache.key(chat("{\"model\":\"other\"}")).orElseThrow();
        cache.store(chatKey(), "application/json", utf8(CHAT_ANSWER), TTL);
        cache.store(other, "application/json", utf8(CHAT_ANSWER), TTL);

        assertThat(cache.remove(chatKey())).isTrue();
        assertThat(cache.remove(chatKey())).isFalse();
        assertThat(cache.lookup(chatKey(), hit)).isFalse();
        assertThat(cache.lookup(other, hit)).isTrue();
    }

    @Test
    void w18_requestsOverTheLimitAreNotEligible() {
        CacheRequest large = chat("{\"x\":\"" + "a".repeat(4096) + "\"}");
        assertThat(cache.pipeline().bypass(large)).contains(BypassReason.PAYLOAD_TOO_LARGE);
        assertThat(cache.key(large)).isEmpty();
    }

    @Test
    void w18_answersOverTheLimitAreNotStored() {
        String large = CHAT_ANSWER.replace("Hello", "a".repeat(64 * 1024));
        assertThat(cache.store(chatKey(), "application/json", utf8(large), TTL)).isFalse();
    }

    @Test
    void w19_backgroundResponsesAreNotEligible() {
        byte[] body = utf8("{\"model\":\"m\",\"background\":true}");
        assertThat(cache.pipeline().bypass(CacheRequest.of(Endpoint.RESPONSES, "", body)))
                .contains(BypassReason.BACKGROUND);
        assertThat(cache.pipeline().bypass(CacheRequest.of(Endpoint.CHAT, "", body)))
                .isEmpty();
    }

    @Test
    void whatIsNoJsonObjectIsNotEligible() {
        assertThat(cache.pipeline().bypass(chat("[1]"))).contains(BypassReason.NOT_A_JSON_OBJECT);
        assertThat(cache.pipeline().bypass(chat("{\"a\":1 2}"))).contains(BypassReason.NOT_A_JSON_OBJECT);
    }

    @Test
    void aClosedCacheMissesAndTakesNothing() {
        CacheKey key = chatKey();
        cache.store(key, "application/json", utf8(CHAT_ANSWER), TTL);
        cache.close();
        assertThat(cache.lookup(key, hit)).isFalse();
        assertThat(cache.store(key, "application/json", utf8(CHAT_ANSWER), TTL)).isFalse();
    }

    // ---- the pipeline

    private static final class CountingUpstream implements Upstream {
        final AtomicInteger calls = new AtomicInteger();
        ResponseSink sink;

        @Override
        public Upstream.Call fetch(ResponseSink into) {
            calls.incrementAndGet();
            sink = into;
            return Upstream.Call.UNSTOPPABLE;
        }

        void answer(int status, String contentType, String body) {
            begin(status, contentType, utf8(body).length);
            sink.chunk(ByteBuffer.wrap(utf8(body)));
            sink.end();
        }

        void begin(int status, String contentType, long length) {
            sink.head(new ResponseHead(status, contentType, null, length, "gen-source", null, Map.of()));
        }
    }

    private final CountingUpstream upstream = new CountingUpstream();

    private RecordingSink respond(String body, CacheControls controls) {
        RecordingSink client = new RecordingSink();
        cache.respond(chat(body), controls, upstream, client);
        return client;
    }

    private RecordingSink respond(CacheControls controls) {
        return respond(CHAT_REQUEST, controls);
    }

    @Test
    void w26_theSecondIdenticalRequestIsAnsweredWithoutTheUpstream() {
        RecordingSink first = respond(CacheControls.on(TTL));
        upstream.answer(200, "application/json", CHAT_ANSWER);
        RecordingSink second = respond(CacheControls.on(TTL));

        assertThat(first.text()).isEqualTo(CHAT_ANSWER);
        assertThat(first.head.cache()).isEqualTo(new CacheOutcome.Miss(300, true));
        assertThat(second.ended).isTrue();
        assertThat(second.head.cache())
                .isEqualTo(new CacheOutcome.Hit(0, 300, "gen-source", new Savings(SampleAnswers.CHAT_FACTS, 0)));
        assertThat(second.head.contentLength()).isEqualTo(second.body.size());
        assertThat(second.text()).contains(second.head.generationId()).contains("\"total_tokens\":0");
        assertThat(upstream.calls).hasValue(1);
        assertThat(cache.admin().stats().hits()).isEqualTo(1);
    }

    @Test
    void w21_withCachingOffThereIsNoOutcomeAndNothingIsStored() {
        RecordingSink client = respond(CacheControls.OFF);
        upstream.answer(200, "application/json", CHAT_ANSWER);
        assertThat(client.head.cache()).isNull();
        assertThat(cache.lookup(chatKey(), hit)).isFalse();
    }

    @Test
    void theAnswerIsStoredBeforeTheClientCanKnowThatItIsComplete() {
        RecordingSink client = respond(CacheControls.on(TTL));
        upstream.begin(200, "application/json", utf8(CHAT_ANSWER).length);
        client.beforeChunk = () -> assertThat(cache.lookup(chatKey(), hit)).isTrue();
        upstream.sink.chunk(ByteBuffer.wrap(utf8(CHAT_ANSWER)));
        assertThat(client.text()).isEqualTo(CHAT_ANSWER);
    }

    @Test
    void aStreamIsStoredWithItsTerminalEventEvenIfTheConnectionBreaksAfterIt() {
        String body = CHAT_REQUEST.replace("{\"model\"", "{\"stream\":true,\"model\"");
        RecordingSink client = respond(body, CacheControls.on(TTL));
        upstream.begin(200, "text/event-stream", -1);
        upstream.sink.chunk(ByteBuffer.wrap(utf8(CHAT_STREAM)));
        upstream.sink.fail(new IOException("reset"));

        assertThat(client.text()).isEqualTo(CHAT_STREAM);
        assertThat(client.failure).hasMessage("reset");
        RecordingSink second = respond(body, CacheControls.on(TTL));
        assertThat(second.ended).isTrue();
        assertThat(second.text()).endsWith("data: [DONE]\n\n").doesNotContain("OPENROUTER PROCESSING");
    }

    /** F10: if only the end of the connection ends a stream, the stream may be cut. */
    @ParameterizedTest
    @ValueSource(longs = {-1, 1000, ResponseHead.ENDS_WITH_CONNECTION})
    void w16_aChatStreamMayLackItsTerminalEventIfItEndsProperly(long contentLength) {
        String body = CHAT_REQUEST.replace("{\"model\"", "{\"stream\":true,\"model\"");
        respond(body, CacheControls.on(TTL));
        upstream.begin(200, "text/event-stream", contentLength);
        upstream.sink.chunk(ByteBuffer.wrap(utf8(CHAT_STREAM.replace("data: [DONE]\n\n", ""))));
        upstream.sink.end();
        assertThat(cache.lookup(cache.key(chat(body)).orElseThrow(), hit))
                .isEqualTo(contentLength != ResponseHead.ENDS_WITH_CONNECTION);
    }

    /** A finish reason can forbid storing. Followers get such an answer all the same, from one call. */
    @Test
    void w16_followersGetAnAnswerThatIsNotStored() {
        RecordingSink leader = respond(CHAT_REQUEST, CacheControls.on(TTL));
        RecordingSink follower = respond(CHAT_REQUEST, CacheControls.on(TTL));
        upstream.begin(200, "application/json", -1);
        upstream.sink.chunk(ByteBuffer.wrap(utf8(CHAT_ANSWER.replace("\"stop\"", "\"content_filter\""))));
        upstream.sink.end();
        assertThat(leader.ended).isTrue();
        assertThat(follower.ended).isTrue();
        assertThat(follower.text()).contains("content_filter");
        assertThat(cache.lookup(cache.key(chat(CHAT_REQUEST)).orElseThrow(), hit))
                .isFalse();
        assertThat(cache.admin().stats().rejections()).isEqualTo(1);
    }

    @Test
    void w16_aCutStreamIsNotStored() {
        String body = CHAT_REQUEST.replace("{\"model\"", "{\"stream\":true,\"model\"");
        respond(body, CacheControls.on(TTL));
        upstream.begin(200, "text/event-stream", -1);
        upstream.sink.chunk(ByteBuffer.wrap(utf8(CHAT_STREAM.replace("data: [DONE]\n\n", ""))));
        upstream.sink.fail(new IOException("reset"));
        assertThat(cache.lookup(cache.key(chat(body)).orElseThrow(), hit)).isFalse();
        assertThat(cache.admin().stats().rejections()).isEqualTo(1);
    }

    @Test
    void w16_anErrorAfterTheTerminalEventTakesTheEntryBack() {
        String body = CHAT_REQUEST.replace("{\"model\"", "{\"stream\":true,\"model\"");
        respond(body, CacheControls.on(TTL));
        upstream.begin(200, "text/event-stream", -1);
        upstream.sink.chunk(ByteBuffer.wrap(utf8(CHAT_STREAM)));
        upstream.sink.chunk(ByteBuffer.wrap(utf8("data: {\"error\":{\"message\":\"late\"}}\n\n")));
        upstream.sink.end();
        assertThat(cache.lookup(cache.key(chat(body)).orElseThrow(), hit)).isFalse();
    }

    @Test
    void whatFollowsTheTerminalEventIsReplayedAsWell() {
        String body = CHAT_REQUEST.replace("{\"model\"", "{\"stream\":true,\"model\"");
        respond(body, CacheControls.on(TTL));
        upstream.begin(200, "text/event-stream", -1);
        upstream.sink.chunk(ByteBuffer.wrap(utf8(CHAT_STREAM)));
        upstream.sink.chunk(ByteBuffer.wrap(utf8("data: trailer\n\n")));
        upstream.sink.end();
        assertThat(respond(body, CacheControls.on(TTL)).text()).endsWith("data: [DONE]\n\ndata: trailer\n\n");
    }

    @Test
    void w16_otherStatusesAndEncodedAnswersAreNotStored() {
        RecordingSink failed = respond(CacheControls.on(TTL));
        upstream.answer(500, "application/json", CHAT_ANSWER);
        assertThat(failed.head.cache()).isEqualTo(new CacheOutcome.Miss(300, false));
        assertThat(cache.lookup(chatKey(), hit)).isFalse();

        respond(CacheControls.on(TTL));
        upstream.sink.head(new ResponseHead(200, "application/json", "gzip", -1, null, null, Map.of()));
        upstream.sink.chunk(ByteBuffer.wrap(utf8(CHAT_ANSWER)));
        upstream.sink.end();
        assertThat(cache.lookup(chatKey(), hit)).isFalse();
    }

    @Test
    void w7_clearFetchesAgainAndStoresTheNewAnswer() {
        respond(CacheControls.on(TTL));
        upstream.answer(200, "application/json", CHAT_ANSWER);

        respond(new CacheControls(true, TTL, true));
        assertThat(cache.lookup(chatKey(), hit)).isFalse();
        upstream.answer(200, "application/json", CHAT_ANSWER.replace("Hello", "Goodbye"));

        assertThat(respond(CacheControls.on(TTL)).text()).contains("Goodbye");
        assertThat(upstream.calls).hasValue(2);
    }

    @Test
    void aBypassSaysWhy() {
        RecordingSink client = respond("[]", CacheControls.on(TTL));
        upstream.answer(200, "application/json", CHAT_ANSWER);
        assertThat(client.head.cache()).isEqualTo(new CacheOutcome.Bypass(BypassReason.NOT_A_JSON_OBJECT));
        assertThat(cache.admin().stats().bypasses()).isEqualTo(1);
    }
}
