package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Wire rules W28 and W29 over real sockets: one call for many clients, and clients that leave. */
class CoalescingWireTest extends WireTest {
    private static final int FOLLOWERS = 20;
    private static final String RAW_REQUEST =
            "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\n%s"
                    + "Content-Length: 15\r\n\r\n{\"stream\":true}";
    private static final String CACHED = "X-OpenRouter-Cache: true\r\n";

    /** Each permit lets the provider send one more piece. */
    private final Semaphore pieces = new Semaphore(0);

    /** Open once the provider's socket fails because the proxy has closed it. */
    private final CountDownLatch hungUp = new CountDownLatch(1);

    private void streamPieceByPiece() {
        provider.does((exchange, request) -> {
            try {
                ScriptedProvider.stream(exchange);
                for (String piece : CHAT_STREAM) {
                    pieces.acquire();
                    ScriptedProvider.write(exchange, piece);
                }
            } catch (IOException e) {
                hungUp.countDown();
                throw e;
            }
        });
    }

    private List<CompletableFuture<HttpResponse<String>>> followers(String body) {
        List<CompletableFuture<HttpResponse<String>>> responses = new ArrayList<>();
        for (int i = 0; i < FOLLOWERS; i++) {
            responses.add(proxy.sendAsync(proxy.post(CHAT, body).setHeader("X-OpenRouter-Cache", "true")));
        }
        return responses;
    }

    @Test
    void w28_concurrentStreamsCostOneCallAndFollowersSeeTheLiveTail() throws Exception {
        streamPieceByPiece();
        try (RawClient leader = new RawClient(proxy.port());
                RawClient follower = new RawClient(proxy.port())) {
            leader.send(RAW_REQUEST.formatted(CACHED));
            leader.readHead();
            pieces.release(2);
            leader.readUntil("Hel\"}}]}\n\n");
            follower.send(RAW_REQUEST.formatted(CACHED));
            assertThat(follower.readHead())
                    .contains("X-OpenRouter-Cache-Status: HIT")
                    .contains("X-OpenRouter-Cache-Age: 0")
                    .contains("Cache-Status: refrain; fwd=miss; collapsed");
            assertThat(follower.readUntil("Hel\"}}]}\n\n"))
                    .contains("\"id\":\"gen-")
                    .doesNotContain("chatcmpl-9");
            pieces.release(1);
            assertThat(follower.readUntil("lo\"}}]}\n\n")).contains("\"id\":\"gen-");
            pieces.release(2);
            assertThat(follower.readUntil("0\r\n\r\n"))
                    .contains("\"total_tokens\":0")
                    .contains("[DONE]");
            assertThat(leader.readUntil("0\r\n\r\n"))
                    .contains("\"total_tokens\":21")
                    .contains("[DONE]");
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void w28_concurrentDocumentsCostOneCall() throws Exception {
        CountDownLatch answer = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            answer.await();
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
        List<CompletableFuture<HttpResponse<String>>> responses = followers(CHAT_REQUEST);
        // A request that comes too late for the call is a hit.
        answer.countDown();
        int misses = 0;
        for (CompletableFuture<HttpResponse<String>> response : responses) {
            HttpResponse<String> done = response.get(20, TimeUnit.SECONDS);
            assertThat(done.body()).contains("chat.completion");
            misses += header(done, STATUS).equals("MISS") ? 1 : 0;
        }
        assertThat(misses).isEqualTo(1);
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void w28_aBrokenProviderIsNotStormed() throws Exception {
        CountDownLatch answer = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            answer.await();
            exchange.getResponseHeaders().set("Retry-After", "3");
            ScriptedProvider.json(exchange, 503, "{\"error\":{\"message\":\"busy\"}}");
        });
        List<CompletableFuture<HttpResponse<String>>> responses = followers(CHAT_REQUEST);
        answer.countDown();
        for (CompletableFuture<HttpResponse<String>> response : responses) {
            HttpResponse<String> done = response.get(20, TimeUnit.SECONDS);
            assertThat(done.statusCode()).isEqualTo(503);
            assertThat(done.body()).contains("busy");
            assertThat(header(done, "Retry-After")).isEqualTo("3");
            assertMiss(done);
        }
        assertThat(provider.calls()).isLessThanOrEqualTo(FOLLOWERS);
    }

    @Test
    void w29_theAnswerToAClientThatDisconnectsIsStored() throws Exception {
        streamPieceByPiece();
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(RAW_REQUEST.formatted(CACHED));
            client.readHead();
        }
        pieces.release(CHAT_STREAM.length);
        // This request joins the call, or finds its stored answer.
        HttpResponse<String> retry = proxy.cached(CHAT, "{\"stream\":true}");
        assertHit(retry);
        assertThat(retry.body()).endsWith("[DONE]\n\n");
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void w29_withCancelTheCallIsCancelledWhenNoClientIsLeft() throws Exception {
        restart(Map.of("REFRAIN_ON_DISCONNECT", "cancel"));
        streamPieceByPiece();
        goAwayInMidStream(CACHED);
        assertThat(hungUp.await(20, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void withCachingOffACallEndsWithItsClient() throws Exception {
        streamPieceByPiece();
        goAwayInMidStream("");
        assertThat(hungUp.await(20, TimeUnit.SECONDS)).isTrue();
    }

    /**
     * The proxy notices that the client has left when it writes to the client, and the provider notices that the proxy
     * has hung up when it writes after that.
     */
    private void goAwayInMidStream(String header) throws IOException {
        provider.does((exchange, request) -> {
            ScriptedProvider.stream(exchange, CHAT_STREAM[1]);
            pieces.acquire();
            try {
                for (int i = 0; i < 1_000_000; i++) {
                    ScriptedProvider.write(exchange, CHAT_STREAM[1]);
                }
            } catch (IOException e) {
                hungUp.countDown();
                throw e;
            }
        });
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(RAW_REQUEST.formatted(header));
            client.readUntil("Hel\"}}]}\n\n");
        }
        pieces.release();
    }
}
