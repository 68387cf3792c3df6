package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that read their answers slowly, or not at all: they delay only themselves, and not for ever. */
class SlowReaderTest extends WireTest {
    private static final String CACHED = "X-OpenRouter-Cache: true\r\n";
    private static final String STREAM_REQUEST = "{\"stream\":true}";
    /** An event of 64 KiB. */
    private static final String EVENT =
            "data: {\"id\":\"chatcmpl-9\",\"created\":1700000000,\"choices\":[{\"delta\":{\"content\":\""
                    + "x".repeat(65_400) + "\"}}]}\n\n";
    /** More than the sockets of this machine buffer together. */
    private static final int EVENTS = 400;

    private final AtomicInteger sent = new AtomicInteger();
    private final CountDownLatch ended = new CountDownLatch(1);

    private static String request(String headers, String body) {
        return "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\n" + headers
                + "Content-Length: " + body.length() + "\r\n\r\n" + body;
    }

    private void streamMuch() {
        provider.does((exchange, request) -> {
            try {
                ScriptedProvider.stream(exchange);
                for (int i = 0; i < EVENTS; i++) {
                    ScriptedProvider.write(exchange, EVENT);
                    sent.incrementAndGet();
                }
                ScriptedProvider.write(
                        exchange, "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
            } finally {
                ended.countDown();
            }
        });
    }

    /** Waits until the provider has made no progress for a while. Returns how far it came. */
    private int whereItStops() throws InterruptedException {
        int before = -1;
        while (sent.get() != before || before == 0) {
            before = sent.get();
            if (ended.await(500, TimeUnit.MILLISECONDS)) {
                break;
            }
        }
        return sent.get();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", CACHED})
    void aMissThatIsNotReadStopsTheProviderAndGoesOnFromThere(String header) throws Exception {
        streamMuch();
        try (RawClient client = RawClient.slow(proxy.port())) {
            client.send(request(header, STREAM_REQUEST));
            assertThat(whereItStops()).isLessThan(EVENTS);
            String answer = client.readUntilEnd("0\r\n\r\n");
            assertThat(ended.await(20, TimeUnit.SECONDS)).isTrue();
            assertThat(answer).contains("[DONE]");
            assertThat(answer.length()).isGreaterThan(EVENTS * EVENT.length());
        }
    }

    @Test
    void aFollowerThatDoesNotReadDelaysNobody() throws Exception {
        CountDownLatch joined = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            ScriptedProvider.stream(exchange, CHAT_STREAM[1]);
            joined.await();
            for (int i = 0; i < 100; i++) {
                ScriptedProvider.write(exchange, EVENT);
            }
            ScriptedProvider.write(exchange, "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
        });
        try (RawClient leader = new RawClient(proxy.port());
                RawClient stalled = RawClient.slow(proxy.port());
                RawClient follower = new RawClient(proxy.port())) {
            leader.send(request(CACHED, STREAM_REQUEST));
            leader.readHead();
            stalled.send(request(CACHED, STREAM_REQUEST));
            assertThat(stalled.readHead()).contains("collapsed");
            follower.send(request(CACHED, STREAM_REQUEST));
            assertThat(follower.readHead()).contains("collapsed");
            joined.countDown();
            assertThat(follower.readUntilEnd("0\r\n\r\n")).contains("[DONE]");
            assertThat(leader.readUntilEnd("0\r\n\r\n")).contains("[DONE]");
            // The stalled follower has lost nothing.
            String late = stalled.readUntilEnd("0\r\n\r\n");
            assertThat(late).contains("[DONE]");
            assertThat(late.length()).isGreaterThan(100 * EVENT.length());
        }
    }

    @Test
    void aHitThatIsReadSlowlyIsWhole() throws Exception {
        String answer = CHAT_ANSWER.replace("Hello", "x".repeat(6_000_000));
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, answer));
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST));
        try (RawClient client = RawClient.slow(proxy.port())) {
            client.send(request(CACHED, CHAT_REQUEST));
            String head = client.readHead();
            assertThat(head).contains("HIT");
            StringBuilder body = new StringBuilder();
            String length = head.replaceAll("(?is).*content-length: (\\d+).*", "$1");
            while (body.length() < Integer.parseInt(length)) {
                body.append(client.read(Math.min(100_000, Integer.parseInt(length) - body.length())));
            }
            assertThat(body).endsWith("}}}").contains("x".repeat(6_000_000));
            client.send(request(CACHED, CHAT_REQUEST));
            assertThat(client.readResponse()).contains("HIT");
        }
    }

    /** The answer may be a hit, a miss, a stream, or uncached. */
    @ParameterizedTest
    @ValueSource(strings = {"hit", "miss", "stream", "uncached"})
    void aClientThatReadsNothingIsCut(String answer) throws Exception {
        restart(Map.of("REFRAIN_TIMEOUTS_WRITE", "300ms"));
        String large = CHAT_ANSWER.replace("Hello", "x".repeat(14_000_000));
        if (answer.equals("stream")) {
            streamMuch();
        } else {
            provider.does((exchange, request) -> {
                try {
                    ScriptedProvider.json(exchange, 200, large);
                } finally {
                    ended.countDown();
                }
            });
        }
        if (answer.equals("hit")) {
            assertMiss(proxy.cached(CHAT, CHAT_REQUEST));
        }
        try (RawClient client = RawClient.slow(proxy.port())) {
            client.send(request(
                    answer.equals("uncached") ? "" : CACHED, answer.equals("stream") ? STREAM_REQUEST : CHAT_REQUEST));
            client.readHead();
            // The client reads nothing more, so only the time limit lets the proxy close without waiting.
            assertThat(ended.await(20, TimeUnit.SECONDS)).isTrue();
            proxy.close();
            String all = client.readToTheEnd();
            assertThat(all).endsWith("(reset)");
            assertThat(all.length()).isLessThan(14_000_000);
        }
        proxy = startProxy(Map.of());
        // The answer is stored although the client was cut.
        if (!answer.equals("uncached") && !answer.equals("stream")) {
            assertHit(proxy.cached(CHAT, CHAT_REQUEST));
        }
    }
}
