package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Answers that are opaque bytes of the caller. */
class BytesAnswersTest {
    private static final byte[] REQUEST = utf8("{\"model\":\"m\",\"input\":\"hi\"}");
    private static final byte[] ANSWER = {0, -1, 34, 10, 123, 0};
    private static final CacheControls ON = CacheControls.on(Duration.ofMinutes(5));

    @TempDir
    Path folder;

    private final List<ResponseSink> calls = new ArrayList<>();
    private final Upstream upstream = sink -> {
        calls.add(sink);
        return Upstream.Call.UNSTOPPABLE;
    };
    private ResponseCache cache;

    @BeforeEach
    void open() throws IOException {
        cache = ResponseCache.builder(folder.resolve("answers.refrain"))
                .capacityBytes(16 << 20)
                .maxAnswerBytes(64 * 1024)
                .open();
    }

    @AfterEach
    void close() {
        cache.close();
    }

    private KeyContext.Builder context() {
        return cache.pipeline()
                .context(Endpoint.EMBEDDINGS, cache.pipeline().scope(""))
                .upstream("model");
    }

    private CacheRequest request() {
        return CacheRequest.of(context().bytes().build(), REQUEST);
    }

    private RecordingSink ask() {
        RecordingSink sink = new RecordingSink();
        cache.respond(request(), ON, upstream, sink);
        return sink;
    }

    private static void answer(ResponseSink call, byte[] bytes, long length) {
        call.head(new ResponseHead(200, "application/octet-stream", null, length, null, null, Map.of()));
        call.cost(new AnswerFacts(null, 7, 0, 7, AnswerFacts.UNKNOWN, null));
        call.chunk(ByteBuffer.wrap(bytes));
        call.end();
    }

    @Test
    void leaderFollowersAndHitsGetTheBytesUnchanged() {
        RecordingSink leader = ask();
        RecordingSink follower = ask();
        answer(calls.get(0), ANSWER, ANSWER.length);
        RecordingSink hit = ask();
        assertThat(calls).hasSize(1);
        for (RecordingSink sink : List.of(leader, follower, hit)) {
            assertThat(sink.ended).isTrue();
            assertThat(sink.body.toByteArray()).isEqualTo(ANSWER);
        }
        assertThat(follower.head.cache()).isInstanceOf(CacheOutcome.Collapsed.class);
        assertThat(hit.head.cache()).isInstanceOfSatisfying(CacheOutcome.Hit.class, of -> {
            assertThat(of.savings().tokens()).isEqualTo(7);
            assertThat(of.savings().answer().promptTokens()).isEqualTo(7);
        });
    }

    @Test
    void theyMayBeStoredByTheCallerToo() {
        CacheKey key = cache.key(request()).orElseThrow();
        assertThat(cache.store(key, "", ANSWER, Duration.ofMinutes(1))).isTrue();
        CachedResponse into = new CachedResponse();
        assertThat(cache.lookup(key, into)).isTrue();
        assertThat(into.toByteArray()).isEqualTo(ANSWER);
    }

    /** Bytes are never replayed as a document, nor a document as bytes. */
    @Test
    void aDocumentHasAnotherKey() {
        CacheKey bytes = cache.key(request()).orElseThrow();
        CacheKey document =
                cache.key(CacheRequest.of(context().build(), REQUEST)).orElseThrow();
        assertThat(bytes).isNotEqualTo(document);
        assertThat(cache.store(document, "", ANSWER, Duration.ofMinutes(1)))
                .as("bytes that are no document")
                .isFalse();
        // A hit leaves an id in the bytes as it is.
        assertThat(cache.store(bytes, "", utf8(CHAT_ANSWER), Duration.ofMinutes(1)))
                .isTrue();
        RecordingSink hit = ask();
        assertThat(hit.text()).isEqualTo(CHAT_ANSWER);
    }

    @Test
    void anAnswerThatIsEmptyCutOrTooLongIsNotStored() {
        ask();
        answer(calls.get(0), new byte[0], 0);
        ask();
        answer(calls.get(1), ANSWER, ResponseHead.ENDS_WITH_CONNECTION);
        ask();
        answer(calls.get(2), new byte[64 * 1024 + 1], -1);
        ask();
        calls.get(3).head(new ResponseHead(200, "application/octet-stream", null, ANSWER.length, null, null, Map.of()));
        calls.get(3).chunk(ByteBuffer.wrap(ANSWER, 0, 2));
        calls.get(3).fail(new IOException("cut"));
        ask();
        assertThat(calls).hasSize(5);
        assertThat(cache.admin().stats().stores()).isZero();
    }

    /**
     * The memo recognises a frequent request by its bytes. The answer must stay bytes, and not be read as a document.
     */
    @Test
    void aRequestInTheMemoIsStillOneForBytes() {
        CacheKey key = cache.key(request()).orElseThrow();
        cache.store(key, "", ANSWER, Duration.ofMinutes(1));
        for (int i = 0; i < 20; i++) {
            assertThat(ask().ended).isTrue();
        }
        assertThat(cache.remove(key)).isTrue();
        ask();
        answer(calls.get(0), ANSWER, ANSWER.length);
        assertThat(ask().ended).isTrue();
        assertThat(calls).hasSize(1);
    }
}
