package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Wire rule W87 through the proxy; {@code PacedSinkTest} tests the times. */
class PaceWireTest extends WireTest {
    private static final String REPLAY = "X-Refrain-Replay";
    private static final long WAIT_MILLIS = 200;

    /** Fetches a stream whose second event is sent {@code WAIT_MILLIS} after its client has the first. */
    private void fetchSlowly() throws IOException, InterruptedException {
        CountDownLatch hasFirst = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            ScriptedProvider.stream(exchange, CHAT_STREAM[0], CHAT_STREAM[1]);
            hasFirst.await();
            ScriptedProvider.write(exchange, CHAT_STREAM[2], CHAT_STREAM[3], CHAT_STREAM[4]);
        });
        HttpRequest.Builder request = proxy.post(CHAT, CHAT_STREAM_REQUEST, "X-OpenRouter-Cache", "true");
        try (InputStream in =
                proxy.send(request, HttpResponse.BodyHandlers.ofInputStream()).body()) {
            StringBuilder read = new StringBuilder();
            while (read.indexOf("Hel") < 0) {
                read.append((char) in.read());
            }
            TimeUnit.MILLISECONDS.sleep(WAIT_MILLIS);
            hasFirst.countDown();
            in.readAllBytes();
        }
    }

    private HttpResponse<String> ask(String... headers) {
        return proxy.cached(CHAT, CHAT_STREAM_REQUEST, headers);
    }

    @Test
    void w87_aStreamIsReplayedAtThePaceAtWhichItCame() throws Exception {
        restart(Map.of("REFRAIN_REPLAY_RECORD_PACE", "true"));
        fetchSlowly();
        HttpResponse<String> instant = ask();
        assertHit(instant);
        assertThat(instant.headers().firstValue("Content-Length")).isPresent();
        for (int i = 0; i < 2; i++) {
            long start = System.nanoTime();
            HttpResponse<String> paced = ask(REPLAY, "recorded");
            // A lower bound only: on a busy machine an answer may take any time.
            assertThat(System.nanoTime() - start).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(WAIT_MILLIS * 8 / 10));
            assertHit(paced);
            assertThat(paced.headers().firstValue("Content-Length")).isEmpty();
            assertThat(withoutIds(paced.body())).isEqualTo(withoutIds(instant.body()));
        }
        // The field is not sent to the provider, and is not part of the key.
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void w87_aNumberOfTokensASecond() {
        ask();
        long start = System.nanoTime();
        // Four events count as one token each, because the stream does not report its tokens.
        assertHit(ask(REPLAY, "10tps"));
        assertThat(System.nanoTime() - start).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(299));
    }

    @Test
    void w87_anInvalidFieldIsABypass() {
        HttpResponse<String> wrong = ask(REPLAY, "quick");
        assertMiss(wrong);
        assertThat(header(wrong, "Cache-Status")).contains("fwd=bypass; detail=invalid-replay");
        assertThat(provider.received().get(0).headers()).doesNotContainKey(REPLAY);
        assertMiss(ask(REPLAY, "instant"));
        assertHit(ask(REPLAY, "instant"));
    }

    private static String withoutIds(String body) {
        return body.replaceAll("gen-[0-9A-Za-z-]+", "").replaceAll("\"created\":[0-9]+", "");
    }
}
