package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.net.http.HttpResponse;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** Wire rule W28c: proxies in front of Refrain pass on replayed and joined event streams without buffering them. */
class AccelBufferingWireTest extends WireTest {
    private static final String REQUEST =
            "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\n"
                    + "X-OpenRouter-Cache: true\r\nContent-Length: 15\r\n\r\n{\"stream\":true}";
    private static final String FIELD = "X-Accel-Buffering";

    @Test
    void w28c_hitsOfStreamsTurnBufferingOffAndMissesRepeatTheProvidersField() throws Exception {
        provider.does((exchange, request) -> {
            exchange.getResponseHeaders().set(FIELD, "yes");
            ScriptedProvider.stream(exchange);
            for (String piece : CHAT_STREAM) {
                ScriptedProvider.write(exchange, piece);
            }
        });
        // The first request takes the long way, and so does the second; the third takes the shortcut.
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(REQUEST);
            assertThat(client.readHead()).contains("MISS").containsIgnoringCase(FIELD + ": yes");
            client.readUntil("0\r\n\r\n");
            for (int i = 0; i < 3; i++) {
                client.send(REQUEST);
                assertThat(client.readHead())
                        .contains("X-OpenRouter-Cache-Status: HIT")
                        .contains(FIELD + ": no\r\n");
                client.readUntil("[DONE]\n\n");
            }
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void w28c_joinedStreamsTurnBufferingOffToo() throws Exception {
        CountDownLatch rest = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            ScriptedProvider.stream(exchange);
            ScriptedProvider.write(exchange, CHAT_STREAM[0] + CHAT_STREAM[1]);
            rest.await();
            for (String piece : java.util.Arrays.asList(CHAT_STREAM).subList(2, CHAT_STREAM.length)) {
                ScriptedProvider.write(exchange, piece);
            }
        });
        try (RawClient leader = new RawClient(proxy.port());
                RawClient follower = new RawClient(proxy.port())) {
            leader.send(REQUEST);
            assertThat(leader.readHead()).doesNotContainIgnoringCase(FIELD);
            leader.readUntil("}\n\n");
            follower.send(REQUEST);
            assertThat(follower.readHead()).contains("collapsed").contains(FIELD + ": no\r\n");
        } finally {
            rest.countDown();
        }
    }

    @Test
    void w28c_documentsDoNotMentionBuffering() {
        HttpResponse<String> miss = proxy.cached(CHAT, CHAT_REQUEST);
        HttpResponse<String> hit = proxy.cached(CHAT, CHAT_REQUEST);
        assertHit(hit);
        assertThat(miss.headers().firstValue(FIELD)).isEmpty();
        assertThat(hit.headers().firstValue(FIELD)).isEmpty();
    }
}
