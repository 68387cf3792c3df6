package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that leave at each stage of a request (wire rule W29): what ends, what continues, and that nothing leaks. */
class ClientDisconnectTest extends WireTest {
    private static final String HEAD =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    private static final String PIECE = "9\r\ndata: 1\n\n\r\n";
    private static final String JSON_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
    private static final String CACHED = "X-OpenRouter-Cache: true\r\n";

    private ThinkingProvider thinking;

    /** Closing a proxy waits for requests and calls in progress. */
    @AfterEach
    void nothingIsLeft() throws IOException {
        Assertions.assertTimeout(Duration.ofSeconds(10), proxy::close);
        if (thinking != null) {
            thinking.close();
        }
    }

    private void think(String beginning, Map<String, String> variables) throws IOException {
        thinking = new ThinkingProvider(beginning);
        proxy.close();
        proxy = new RunningProxy(folder.resolve("answers.refrain"), thinking.base(), variables);
    }

    private static String post(String path, String headers, String body) {
        return "POST " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\n" + headers
                + "Content-Length: " + body.length() + "\r\n\r\n" + body;
    }

    @Test
    void w29_aCallForOneClientOnlyIsCancelledWhileTheProviderIsSilent() throws Exception {
        think("", Map.of("REFRAIN_LIMITS_CACHEABLE_REQUEST", "1KiB"));
        String body = "{\"stream\":true}";
        for (String request : List.of(
                post(CHAT, "", body),
                post(CHAT, CACHED, "[" + body + "]"),
                post(CHAT, CACHED, " ".repeat(5000) + body),
                post("/v1/rerank", "", body),
                "GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")) {
            goAtEachStage(request);
        }
    }

    @Test
    void w29_withCancelACachedCallIsCancelledWhileTheProviderIsSilent() throws Exception {
        think("", Map.of("REFRAIN_ON_DISCONNECT", "cancel"));
        goAtEachStage(post(CHAT, CACHED, "{\"stream\":true}"));
    }

    private void goAtEachStage(String request) throws Exception {
        for (String got : List.of("", HEAD, HEAD + PIECE)) {
            thinking.beginWith(got);
            for (boolean reset : new boolean[] {false, true}) {
                try (RawClient client = new RawClient(proxy.port())) {
                    client.send(request);
                    thinking.awaitRequest();
                    if (!got.isEmpty()) {
                        client.readHead();
                    }
                    if (got.endsWith(PIECE)) {
                        client.readUntil("data: 1\n\n");
                    }
                    client.leave(reset);
                }
                thinking.awaitHangUp();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void w29_theAnswerToAClientThatGoesBeforeItBeginsIsStored(boolean reset) throws Exception {
        think("", Map.of());
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(post(CHAT, CACHED, CHAT_REQUEST));
            thinking.awaitRequest();
            client.leave(reset);
        }
        thinking.say(JSON_HEAD + CHAT_ANSWER.length() + "\r\n\r\n" + CHAT_ANSWER);
        // The first answer was stored, or this request has joined its call: the provider does not answer a second call.
        assertHit(proxy.cached(CHAT, CHAT_REQUEST));
    }

    /** The first call is never answered, so a follower would wait for nothing. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void w28b_f13_nobodyJoinsASilentCallThatItsClientHasLeft(boolean reset) throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        AtomicInteger calls = new AtomicInteger();
        CountDownLatch called = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            if (calls.getAndIncrement() == 0) {
                called.countDown();
                never.await();
            }
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
        restart(Map.of("REFRAIN_TIMEOUTS_SILENT_CALL", "100ms", "REFRAIN_TIMEOUTS_SHUTDOWN", "0s"));
        try {
            try (RawClient client = new RawClient(proxy.port())) {
                client.send(post(CHAT, CACHED, CHAT_REQUEST));
                assertThat(called.await(20, TimeUnit.SECONDS)).isTrue();
                client.leave(reset);
            }
            // Until the proxy notices that the client has left, others still join the call.
            until(() -> {
                var next = proxy.sendAsync(proxy.post(CHAT, CHAT_REQUEST).setHeader("X-OpenRouter-Cache", "true"));
                try {
                    return next.get(1, TimeUnit.SECONDS).statusCode() == 200;
                } catch (InterruptedException | ExecutionException e) {
                    throw new AssertionError(e);
                } catch (TimeoutException joined) {
                    next.cancel(true);
                    return false;
                }
            });
            assertThat(calls).hasValue(2);
            assertHit(proxy.cached(CHAT, CHAT_REQUEST));
            // The first call is still open; closing the proxy cancels it.
            proxy.close();
        } finally {
            never.countDown();
        }
    }

    @Test
    void aClientThatHasOnlyFinishedSendingGetsAnAnswerThatIsStored() throws Exception {
        think("", Map.of());
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(post(CHAT, CACHED, CHAT_REQUEST));
            client.finishSending();
            thinking.awaitRequest();
            thinking.say(JSON_HEAD + CHAT_ANSWER.length() + "\r\n\r\n" + CHAT_ANSWER);
            assertThat(client.readAll()).startsWith("HTTP/1.1 200").endsWith(CHAT_ANSWER);
        }
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(post(CHAT, CACHED, CHAT_REQUEST));
            client.finishSending();
            assertThat(client.readAll()).contains("X-OpenRouter-Cache-Status: HIT");
        }
    }

    /** As in nginx, a client that has finished sending counts as gone. */
    @Test
    void withoutCachingAClientThatHasFinishedSendingCountsAsGone() throws Exception {
        think("", Map.of());
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(post(CHAT, "", CHAT_REQUEST));
            thinking.awaitRequest();
            client.finishSending();
            thinking.awaitHangUp();
            assertThat(client.readToTheEnd()).doesNotContain("HTTP");
        }
    }

    @Test
    void aRequestSentAheadIsNotMistakenForAnEndAndNotLost() throws Exception {
        think("", Map.of());
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(post(CHAT, "", CHAT_REQUEST));
            thinking.awaitRequest();
            // In two pieces; the first one is not a whole request.
            client.send("GET /v1x HT");
            thinking.say(JSON_HEAD + "2\r\n\r\n{}");
            assertThat(client.readResponse()).startsWith("HTTP/1.1 200").endsWith("{}");
            client.send("TP/1.1\r\nHost: x\r\n\r\n");
            assertThat(client.readResponse()).startsWith("HTTP/1.1 404");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "PO",
                "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Ope",
                "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\nContent-Length: "
                        + "20\r\n\r\n",
                "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\nContent-Length: "
                        + "20\r\n\r\n{",
                "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{",
                "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\n5\r\n{",
                "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
                "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
                "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\nExpect: 100-continue\r\n\r\n"
            })
    void aRequestThatBreaksOffIsNeverTakenForAWholeOne(String part) throws Exception {
        for (int way = 0; way < 3; way++) {
            try (RawClient client = new RawClient(proxy.port())) {
                client.send(part);
                if (way == 0) {
                    client.finishSending();
                    String answer = client.readToTheEnd();
                    assertThat(answer.replace("HTTP/1.1 100 Continue\r\n", ""))
                            .satisfiesAnyOf(
                                    text -> assertThat(text).contains("HTTP/1.1 400", "broke off"),
                                    text -> assertThat(text).contains("HTTP/1.1 400", "before its last chunk"),
                                    text -> assertThat(text).doesNotContain("HTTP/1.1"));
                } else {
                    client.leave(way == 1);
                }
            }
        }
        assertThat(proxy.cached(CHAT, CHAT_REQUEST).statusCode()).isEqualTo(200);
        assertThat(provider.received())
                .singleElement()
                .satisfies(whole -> assertThat(whole.body()).isEqualTo(CHAT_REQUEST));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aHitThatIsNotReadToItsEndHarmsNobody(boolean reset) throws Exception {
        String answer = CHAT_ANSWER.replace("Hello", "x".repeat(8_000_000));
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, answer));
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST));
        for (int i = 0; i < 5; i++) {
            try (RawClient client = RawClient.slow(proxy.port())) {
                client.send(post(CHAT, CACHED, CHAT_REQUEST));
                assertThat(client.readHead()).contains("HIT");
                client.leave(reset);
            }
        }
        HttpResponse<String> whole = proxy.cached(CHAT, CHAT_REQUEST);
        assertHit(whole);
        assertThat(whole.body().length()).isGreaterThan(8_000_000);
    }

    @Test
    void w29_followersAreUnaffectedIfALeaderOrAnotherFollowerLeaves() throws Exception {
        think(HEAD + PIECE, Map.of("REFRAIN_ON_DISCONNECT", "cancel"));
        try (RawClient leader = new RawClient(proxy.port());
                RawClient follower = new RawClient(proxy.port());
                RawClient last = new RawClient(proxy.port())) {
            String request = post(CHAT, CACHED, "{\"stream\":true}");
            leader.send(request);
            leader.readUntil("data: 1\n\n");
            follower.send(request);
            follower.readUntil("data: 1\n\n");
            last.send(request);
            assertThat(last.readUntil("data: 1\n\n")).contains("HIT");
            follower.leave(false);
            leader.leave(false);
            thinking.say("3c\r\ndata: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n\r\n0\r\n\r\n");
            assertThat(last.readUntil("0\r\n\r\n")).contains("[DONE]");
        }
    }

    @Test
    void w29_theCallEndsWhenTheLastFollowerLeaves() throws Exception {
        think("", Map.of("REFRAIN_ON_DISCONNECT", "cancel"));
        try (RawClient leader = new RawClient(proxy.port());
                RawClient follower = new RawClient(proxy.port())) {
            String request = post(CHAT, CACHED, CHAT_REQUEST);
            leader.send(request);
            thinking.awaitRequest();
            follower.send(request);
            leader.leave(false);
            follower.leave(false);
            thinking.awaitHangUp();
        }
    }
}
