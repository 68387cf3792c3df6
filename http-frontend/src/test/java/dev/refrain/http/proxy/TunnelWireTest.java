package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Websockets to the provider (wire rule W2), byte by byte. */
@Timeout(60)
class TunnelWireTest extends ProviderFaults {
    static final String HANDSHAKE = "GET /v1/realtime?model=m HTTP/1.1\r\nHost: x\r\n"
            + "Connection: keep-alive, Upgrade, X-Hop\r\nUpgrade: h2c, WebSocket\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: realtime\r\n"
            + "Authorization: Bearer sk-1\r\nX-Hop: 1\r\nX-OpenRouter-Cache: true\r\n\r\n";
    static final String SWITCHES = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X-Near\r\n"
            + "Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            + "Sec-WebSocket-Protocol: realtime\r\nX-Near: 1\r\n\r\n";

    /** More than all buffers between client and provider hold together. */
    private static final int MUCH = 64 << 20;

    private final BlockingQueue<String> seen = new LinkedBlockingQueue<>();

    @Override
    Map<String, String> settings() {
        return Map.of("REFRAIN_LIMITS_UPSTREAM_CALLS", "200", "REFRAIN_TIMEOUTS_RESPONSE", "10s");
    }

    @AfterEach
    void nothingIsLeft() {
        until(() -> proxy.callsInFlight() == 0 && proxy.memory().usedBytes() == 0);
    }

    private RawClient open() throws IOException {
        RawClient client = new RawClient(proxy.port());
        client.send(HANDSHAKE);
        assertThat(client.readHead()).startsWith("HTTP/1.1 101 ");
        return client;
    }

    @Test
    void w2_theHandshakeIsPassedOnWithNewHopByHopFields() throws Exception {
        provider.does(call -> {
            seen.add(call.head());
            call.write(SWITCHES);
        });
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(HANDSHAKE);
            assertThat(client.readHead())
                    .startsWith("HTTP/1.1 101 Switching Protocols\r\n")
                    .contains(
                            "Upgrade: websocket\r\n",
                            "Connection: Upgrade\r\n",
                            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
                            "Sec-WebSocket-Protocol: realtime\r\n")
                    .doesNotContain("X-Near")
                    .doesNotContainIgnoringCase("content-length")
                    .doesNotContainIgnoringCase("transfer-encoding");
            assertThat(client.readToTheEnd()).isEmpty();
        }
        assertThat(seen.take())
                .startsWith("GET " + provider.base().getPath() + "/realtime?model=m HTTP/1.1\r\n")
                .contains(
                        "Connection: Upgrade\r\nUpgrade: websocket\r\n",
                        "Sec-WebSocket-Version: 13\r\n",
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                        "Sec-WebSocket-Protocol: realtime\r\n",
                        "Authorization: Bearer sk-1\r\n")
                .doesNotContainIgnoringCase("x-hop")
                .doesNotContainIgnoringCase("x-openrouter")
                .doesNotContainIgnoringCase("h2c")
                .doesNotContainIgnoringCase("content-length");
    }

    @Test
    void w2_bytesCrossBothWays() throws Exception {
        provider.does(call -> {
            call.write(SWITCHES);
            for (String ask = call.read(4); !ask.isEmpty(); ask = call.read(4)) {
                call.write("<" + ask + ">");
            }
        });
        try (RawClient client = open()) {
            for (int i = 1000; i < 1100; i++) {
                client.send(Integer.toString(i));
                assertThat(client.read(6)).isEqualTo("<" + i + ">");
            }
            assertThat(proxy.callsInFlight()).isEqualTo(1);
        }
    }

    /** A tunnel's request is held while the tunnel is open. A field of 16 KiB takes more than that in memory. */
    @Test
    void itsMemoryIsReservedUntilItEnds() throws Exception {
        provider.does(call -> {
            call.write(SWITCHES);
            call.awaitHangUp();
        });
        try (RawClient client = open()) {
            long one = proxy.memory().usedBytes();
            assertThat(one).isGreaterThan(64 * 1024);
            try (RawClient other = new RawClient(proxy.port())) {
                other.send(HANDSHAKE.replace("\r\n\r\n", "\r\nX-Long: " + "x".repeat(16 << 10) + "\r\n\r\n"));
                assertThat(other.readHead()).startsWith("HTTP/1.1 101 ");
                // Without the field, a tunnel holds a call's 64 KiB and about 5 KiB. Memory for heads in transit
                // varies.
                until(() -> proxy.memory().usedBytes() > one + (64 + 32) * 1024);
            }
            until(() -> proxy.memory().usedBytes() <= one);
            client.send("still open");
        }
    }

    /** Both sides may send before they have received the other's handshake. */
    @Test
    void w2_bytesTogetherWithTheHandshakeAreNotLost() throws Exception {
        CountDownLatch sent = new CountDownLatch(1);
        provider.does(call -> {
            call.write("HTTP/1.1 103 Early Hints\r\n\r\n");
            sent.await();
            call.write(SWITCHES + "first");
            call.write(call.read(12));
        });
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(HANDSHAKE + "early");
            assertThat(client.readHead()).startsWith("HTTP/1.1 103 ");
            client.send(" later");
            sent.countDown();
            client.send("!");
            assertThat(client.readHead()).startsWith("HTTP/1.1 101 ");
            assertThat(client.read(17)).isEqualTo("firstearly later!");
        }
    }

    /**
     * These bytes come after the handshake, while the proxy waits for the provider and watches for its client to leave.
     */
    @Test
    void w2_bytesBeforeTheProvidersAnswerAreNotLost() throws Exception {
        CountDownLatch sent = new CountDownLatch(1);
        provider.does(call -> {
            call.write("HTTP/1.1 103 Early Hints\r\n\r\n");
            sent.await();
            call.write(SWITCHES);
            call.write(call.read(10));
        });
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(HANDSHAKE);
            assertThat(client.readHead()).startsWith("HTTP/1.1 103 ");
            client.send("early");
            sent.countDown();
            assertThat(client.readHead()).startsWith("HTTP/1.1 101 ");
            client.send("later");
            assertThat(client.read(10)).isEqualTo("earlylater");
        }
    }

    @Test
    void w2_aProviderThatDoesNotAgreeAnswersInHttp() throws Exception {
        provider.does(
                call -> call.write("HTTP/1.1 403 No\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"));
        try (RawClient client = new RawClient(proxy.port())) {
            for (int i = 0; i < 2; i++) {
                client.send(HANDSHAKE);
                assertThat(client.readResponse())
                        .startsWith("HTTP/1.1 403 No\r\n")
                        .endsWith("\r\n\r\n{}");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HTTP/1.1 101 Switching Protocols\r\n\r\n",
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket2\r\n\r\n"
            })
    void w31_anotherProtocolThanAskedForIs502(String switches) throws Exception {
        provider.does(call -> call.write(switches));
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(HANDSHAKE);
            assertThat(client.readResponse()).startsWith("HTTP/1.1 502 ").contains("protocol that nobody asked for");
        }
    }

    /** HTTP/1.0 has no upgrades, and a request with a body is not a websocket handshake. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET /v1/realtime HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                "GET /v1/realtime HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
                "POST /v1/realtime HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        + "Content-Length: 2\r\n\r\n{}"
            })
    void w2_otherRequestsStayHttp(String request) throws Exception {
        provider.does(call -> {
            seen.add(call.head());
            call.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        });
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(request);
            assertThat(client.readHead()).containsPattern("^HTTP/1.[01] 200 ");
        }
        assertThat(seen.take()).doesNotContainIgnoringCase("upgrade");
    }

    @Test
    void w2_theClientMayEndFirst() throws Exception {
        provider.does(call -> {
            call.write(SWITCHES);
            byte[] all = call.readAll();
            call.write("got " + all.length);
        });
        try (RawClient client = open()) {
            client.send("x".repeat(100_000));
            client.finishSending();
            assertThat(client.readToTheEnd()).isEqualTo("got 100000");
        }
    }

    @Test
    void w2_theProviderMayEndFirst() throws Exception {
        CountDownLatch over = new CountDownLatch(1);
        provider.does(call -> {
            call.write(SWITCHES + "that is all");
            call.finishSending();
            seen.add(new String(call.readAll(), StandardCharsets.ISO_8859_1));
            over.countDown();
        });
        try (RawClient client = open()) {
            assertThat(client.readToTheEnd()).isEqualTo("that is all");
            client.send("good");
            client.send("bye");
            client.finishSending();
            assertThat(over.await(20, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(seen.take()).isEqualTo("goodbye");
    }

    @Test
    void w2_aProviderThatDiesEndsTheClientsConnection() throws Exception {
        provider.does(call -> {
            call.write(SWITCHES);
            call.read(1);
            call.reset();
        });
        try (RawClient client = open()) {
            client.send("x");
            assertThat(client.readToTheEnd()).isIn("", "(reset)");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void w2_aClientThatDiesEndsTheProvidersConnection(boolean reset) throws Exception {
        CountDownLatch over = new CountDownLatch(1);
        provider.does(call -> {
            call.write(SWITCHES);
            try {
                call.awaitHangUp();
            } finally {
                over.countDown();
            }
        });
        RawClient client = open();
        client.leave(reset);
        assertThat(over.await(20, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void w2_aClientThatDoesNotReadHoldsTheProviderBack() throws Exception {
        AtomicLong written = new AtomicLong();
        byte[] piece = new byte[1 << 20];
        Arrays.fill(piece, (byte) 'y');
        provider.does(call -> {
            call.write(SWITCHES);
            for (int i = 0; i < MUCH / piece.length; i++) {
                call.write(piece);
                written.addAndGet(piece.length);
            }
        });
        try (RawClient client = RawClient.slow(proxy.port())) {
            client.send(HANDSHAKE);
            assertThat(client.readHead()).startsWith("HTTP/1.1 101 ");
            assertThat(settled(written)).isLessThan(MUCH);
            assertThat(proxy.memory().usedBytes()).isLessThan(1 << 20);
            assertThat(client.readToTheEnd()).hasSize(MUCH).containsPattern("^y+$");
        }
    }

    @Test
    void w2_aProviderThatDoesNotReadHoldsTheClientBack() throws Exception {
        AtomicLong written = new AtomicLong();
        CountDownLatch reads = new CountDownLatch(1);
        provider.does(call -> {
            call.write(SWITCHES);
            reads.await();
            call.write("got " + call.readAll().length);
        });
        try (RawClient client = open()) {
            Thread sender = new Thread(() -> {
                try {
                    byte[] piece = new byte[1 << 20];
                    for (int i = 0; i < MUCH / piece.length; i++) {
                        client.send(piece);
                        written.addAndGet(piece.length);
                    }
                    client.finishSending();
                } catch (IOException e) {
                    seen.add(e.toString());
                }
            });
            sender.start();
            assertThat(settled(written)).isLessThan(MUCH);
            assertThat(proxy.memory().usedBytes()).isLessThan(1 << 20);
            reads.countDown();
            assertThat(client.readToTheEnd()).isEqualTo("got " + MUCH);
            sender.join();
            assertThat(seen).isEmpty();
        }
    }

    /** Returns the number once it has stopped growing. */
    private static long settled(AtomicLong number) throws InterruptedException {
        long before = -1;
        for (long now = number.get(); now != before || now == 0; now = number.get()) {
            before = now;
            Thread.sleep(200);
        }
        return before;
    }

    @Test
    void manyAtATimeAreAllowed() throws Exception {
        provider.does(call -> {
            call.write(SWITCHES);
            call.write(call.read(5));
            call.awaitHangUp();
        });
        List<RawClient> clients = new ArrayList<>();
        try {
            for (int i = 0; i < 200; i++) {
                clients.add(open());
            }
            assertThat(proxy.callsInFlight()).isEqualTo(200);
            for (int i = 0; i < 200; i++) {
                clients.get(i).send("no" + (100 + i));
            }
            for (int i = 0; i < 200; i++) {
                assertThat(clients.get(i).read(5)).isEqualTo("no" + (100 + i));
            }
            // Each tunnel counts as a call, and calls are limited.
            try (RawClient another = new RawClient(proxy.port())) {
                another.send(HANDSHAKE);
                assertThat(another.readResponse()).startsWith("HTTP/1.1 503 ");
            }
        } finally {
            for (RawClient client : clients) {
                client.close();
            }
        }
    }

    @Test
    void itsConnectionIsNotUsedAgain() throws Exception {
        provider.does(call -> call.write(SWITCHES));
        open().close();
        int before = provider.connections();
        provider.does(call -> {
            call.write("HTTP/1.1 204 No Content\r\n\r\n");
            call.keepOpen();
        });
        assertThat(proxy.send(proxy.post("/v1/x", "{}")).statusCode()).isEqualTo(204);
        provider.does(call -> call.write(SWITCHES));
        open().close();
        assertThat(provider.connections()).isEqualTo(before + 2);
    }
}
