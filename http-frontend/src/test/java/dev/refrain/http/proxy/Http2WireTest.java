package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.Http2Provider;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * How requests and answers cross the proxy from a provider over HTTP/2, and what ends with a client (wire rules W2,
 * W23, W29).
 */
@Timeout(120)
class Http2WireTest extends Http2Faults {
    private static final int CANCEL = 8;
    private static final String EVENT = "data: 1\n\n";

    @Override
    Map<String, String> settings() {
        return Map.of("REFRAIN_TIMEOUTS_RESPONSE", "20s", "REFRAIN_TIMEOUTS_IDLE", "20s");
    }

    private static String post(String headers, String body) {
        return "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\n" + headers
                + "Content-Length: " + body.length() + "\r\n\r\n" + body;
    }

    @Test
    void w2_interimResponsesArePassedOnAtOnce() throws Exception {
        CountDownLatch heard = new CountDownLatch(1);
        does((connection, stream) -> {
            connection.headers(stream, false, ":status", "100");
            connection.headers(stream, false, ":status", "103", "link", "</a>; rel=preload", "x-name", "gr\u00fcn");
            heard.await();
            connection.answer(stream, "{}");
        });
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(post("", "{}"));
            assertThat(client.readHead()).startsWith("HTTP/1.1 100 ");
            assertThat(client.readHead())
                    .startsWith("HTTP/1.1 103 ")
                    .containsIgnoringCase("link: </a>; rel=preload\r\n")
                    .containsIgnoringCase("x-name: gr\u00fcn\r\n");
            heard.countDown();
            assertThat(client.readResponse()).startsWith("HTTP/1.1 200 ").endsWith("\r\n\r\n{}");
        }
    }

    @Test
    void w2_trailersFollowTheBody() throws Exception {
        does((connection, stream) -> connection
                .headers(stream, false, ":status", "200", "x-latin", "gr\u00fc\u00dfe")
                .data(stream, false, "{}")
                .headers(stream, true, "x-sum", "1", "x-sum", "2"));
        try (RawClient client = new RawClient(proxy.port())) {
            client.send("GET /v1/files/1/content HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            String answer = client.readToTheEnd();
            assertThat(answer).containsIgnoringCase("x-latin: gr\u00fc\u00dfe\r\n");
            assertThat(answer.substring(answer.indexOf("\r\n\r\n") + 4))
                    .contains("\r\n{}\r\n0\r\n")
                    .containsIgnoringCase("x-sum: 1\r\n")
                    .containsIgnoringCase("x-sum: 2\r\n")
                    .endsWith("\r\n\r\n");
        }
    }

    /** Resets that the provider received, in the order in which they came. */
    private final BlockingQueue<Http2Provider.Frame> resets = new LinkedBlockingQueue<>();

    private void begin(String type, CountDownLatch asked) {
        does((connection, stream) -> {
            connection.listener = frame -> {
                if (frame.type() == Http2Provider.RST_STREAM) {
                    resets.add(frame);
                }
            };
            connection.headers(stream, false, ":status", "200", "content-type", type);
            connection.data(stream, false, EVENT);
            asked.countDown();
            beWell(Api.CHAT, false);
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void w29_aCallForOneClientEndsWithItAndOthersContinue(boolean reset) throws Exception {
        int connections = http2.connections.get();
        for (int i = 0; i < 3; i++) {
            CountDownLatch asked = new CountDownLatch(1);
            begin("text/event-stream", asked);
            try (RawClient client = new RawClient(proxy.port())) {
                client.send(post("", "{\"stream\":true}"));
                client.readUntil(EVENT);
                client.leave(reset);
            }
            // The provider reads the reset together with this next request.
            assertThat(fetch(Api.CHAT, newRequest(false)).status()).isEqualTo(200);
            until(() -> proxy.callsInFlight() == 0);
            assertThat(fetch(Api.CHAT, newRequest(false)).status()).isEqualTo(200);
            Http2Provider.Frame frame = resets.poll(20, TimeUnit.SECONDS);
            assertThat(frame).isNotNull();
            assertThat((int) frame.payload().charAt(3)).isEqualTo(CANCEL);
        }
        // One connection for all requests, or a second one that was being opened with the first.
        assertThat(http2.connections.get() - connections).isLessThanOrEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void w29_theAnswerToAClientThatHasGoneIsStored(boolean reset) throws Exception {
        String request = newRequest(true);
        String whole = Api.CHAT.goodAnswer(true);
        CountDownLatch left = new CountDownLatch(1);
        does((connection, stream) -> {
            connection.headers(stream, false, ":status", "200", "content-type", "text/event-stream");
            connection.data(stream, false, whole.substring(0, 20));
            left.await();
            connection.data(stream, true, whole.substring(20));
        });
        int before = calls();
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(post("X-OpenRouter-Cache: true\r\n", request));
            client.readUntil("data: ");
            client.leave(reset);
        }
        left.countDown();
        Received again = fetch(Api.CHAT, request);
        assertThat(again.header(WireTest.STATUS)).isEqualTo("HIT");
        assertThat(calls()).isEqualTo(before + 1);
    }

    /** Two calls over one connection; the client of one of them does not read. */
    @Test
    void aClientThatDoesNotReadDelaysNobodyElse() throws Exception {
        byte[] piece = new byte[16_000];
        CountDownLatch stalled = new CountDownLatch(1);
        does((connection, stream) -> {
            connection.headers(stream, false, ":status", "200");
            // As much as the window allows; the client reads none of it.
            for (int i = 0; i < 3; i++) {
                connection.data(stream, false, piece);
            }
            beWell(Api.CHAT, false);
            stalled.countDown();
        });
        int connections = http2.connections.get();
        try (RawClient client = RawClient.slow(proxy.port())) {
            client.send("GET /v1/files/1/content HTTP/1.1\r\nHost: x\r\n\r\n");
            assertThat(client.readHead()).startsWith("HTTP/1.1 200");
            assertThat(stalled.await(20, TimeUnit.SECONDS)).isTrue();
            for (int i = 0; i < 5; i++) {
                assertThat(proxy.send(proxy.post(Api.CHAT.path, newRequest(false)))
                                .statusCode())
                        .isEqualTo(200);
            }
        }
        until(() -> proxy.callsInFlight() == 0);
        assertThat(http2.connections.get() - connections).isLessThanOrEqualTo(2);
    }
}
