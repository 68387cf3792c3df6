package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.chat;
import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.spi.NoStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A head says that its answer is stored only if it is (wire rule W27). */
class StoredOutcomeTest {
    private final RecordingSink client = new RecordingSink();

    private ResponseCache cache = open(ResponseCache.onHeap(1 << 20));

    private static ResponseCache open(ResponseCacheBuilder builder) {
        try {
            return builder.open();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static ResponseHead head(String type, long length) {
        return new ResponseHead(200, type, null, length, "gen-source", null, Map.of());
    }

    private void ask(String request, Upstream upstream) {
        cache.respond(chat(request), CacheControls.on(Duration.ofMinutes(5)), upstream, client);
    }

    private void answer(String text, int pieces) {
        ask(CHAT_REQUEST, sink -> {
            byte[] body = utf8(text);
            sink.head(head("application/json", body.length));
            int cut = pieces == 1 ? body.length : body.length / 2;
            sink.chunk(ByteBuffer.wrap(body, 0, cut));
            if (cut < body.length) {
                assertThat(client.head).as("passed on with the first piece").isNotNull();
                sink.chunk(ByteBuffer.wrap(body, cut, body.length - cut));
            }
            sink.end();
            return Upstream.Call.UNSTOPPABLE;
        });
        assertThat(client.ended).isTrue();
        assertThat(client.text()).isEqualTo(text);
    }

    private void assertSaid(boolean stored) {
        assertThat(client.head.cache()).isEqualTo(new CacheOutcome.Miss(300, stored));
    }

    @Test
    void w27_aCompleteDocumentSaysThatItIsStored() {
        answer(CHAT_ANSWER, 1);
        assertSaid(true);
        assertThat(cache.admin().stats().stores()).isEqualTo(1);
    }

    @Test
    void w27_aDocumentThatIsNotCacheableDoesNotSayThatItIsStored() {
        answer("{\"error\":{\"code\":429}}", 1);
        assertSaid(false);
        assertThat(cache.admin().stats().stores()).isZero();
    }

    @Test
    void w27_aDocumentThatTheStoreRefusesDoesNotSayThatItIsStored() {
        cache = open(ResponseCache.onHeap(1 << 20).store(new NoStore()));
        answer(CHAT_ANSWER, 1);
        assertSaid(false);
    }

    @Test
    void w27_aDocumentInPiecesDoesNotSay() {
        answer(CHAT_ANSWER, 2);
        assertSaid(false);
        assertThat(cache.admin().stats().stores()).isEqualTo(1);
    }

    @Test
    void w27_aStreamDoesNotSayAndItsHeadDoesNotWait() {
        ask("{\"stream\":true,\"messages\":[]}", sink -> {
            sink.head(head("text/event-stream", -1));
            assertSaid(false);
            sink.fail(new IOException("cut"));
            return Upstream.Call.UNSTOPPABLE;
        });
        assertThat(client.failure).hasMessage("cut");
    }

    /** The client hears of the failure, and gets no head of an answer. */
    @Test
    void aDocumentThatFailsBeforeItsFirstByteHasNoHead() {
        ask(CHAT_REQUEST, sink -> {
            sink.head(head("application/json", 7));
            sink.fail(new IOException("cut"));
            return Upstream.Call.UNSTOPPABLE;
        });
        assertThat(client.head).isNull();
        assertThat(client.failure).hasMessage("cut");
    }
}
