package dev.refrain.http.proxy;

import static dev.refrain.http.proxy.RawHttp2Client.CONTINUATION;
import static dev.refrain.http.proxy.RawHttp2Client.DATA;
import static dev.refrain.http.proxy.RawHttp2Client.END_HEADERS;
import static dev.refrain.http.proxy.RawHttp2Client.ENHANCE_YOUR_CALM;
import static dev.refrain.http.proxy.RawHttp2Client.GOAWAY;
import static dev.refrain.http.proxy.RawHttp2Client.HEADERS;
import static dev.refrain.http.proxy.RawHttp2Client.INITIAL_WINDOW_SIZE;
import static dev.refrain.http.proxy.RawHttp2Client.PING;
import static dev.refrain.http.proxy.RawHttp2Client.PROTOCOL_ERROR;
import static dev.refrain.http.proxy.RawHttp2Client.REFUSED_STREAM;
import static dev.refrain.http.proxy.RawHttp2Client.RST_STREAM;
import static dev.refrain.http.proxy.RawHttp2Client.SETTINGS;
import static dev.refrain.http.proxy.RawHttp2Client.WINDOW_UPDATE;
import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.http.proxy.RawHttp2Client.Frame;
import dev.refrain.testing.ScriptedProvider;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Clients that use HTTP/2 to attack the server: the memory held for them is bounded, and other clients are served. Each
 * test is a published attack (CVE-2019-9511 and following, CVE-2023-44487, CVE-2024-27316).
 *
 * <p>Long, since all attacks share the two clients that are served meanwhile.
 */
class HostileHttp2Test extends WireTest {
    /** Limit of the memory that is held for a client that reads nothing, in bytes. */
    private static final long HELD = 256 * 1024;

    private final CountDownLatch testEnds = new CountDownLatch(1);

    @AfterEach
    void letProviderEnd() {
        testEnds.countDown();
    }

    private void othersAreServed() throws IOException {
        assertThat(proxy.cached(CHAT, CHAT_REQUEST).statusCode()).isEqualTo(200);
        try (RawHttp2Client other = new RawHttp2Client(proxy.port()).begin()) {
            other.request(1, CHAT_REQUEST);
            assertThat(other.body(1)).contains("Hello");
        }
    }

    /** Expects the end of the connection. Its GOAWAY is checked if it arrives: a reset may overtake it. */
    private static void assertEnds(RawHttp2Client client, Integer code) throws IOException {
        Frame goAway = client.read(GOAWAY);
        if (goAway != null && code != null) {
            assertThat(goAway.payload()[7]).isEqualTo(code.byteValue());
        }
        while (goAway != null) {
            goAway = client.read();
        }
    }

    /** Makes the provider answer only after the test. */
    private void providerWaits() {
        provider.does((exchange, request) -> {
            if (!request.body().equals(CHAT_REQUEST)) {
                try {
                    testEnds.await(60, TimeUnit.SECONDS);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
    }

    @Test
    void rapidResetsEndTheConnection() throws IOException {
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            ByteArrayOutputStream flood = new ByteArrayOutputStream();
            byte[] head = RawHttp2Client.post(CHAT, "content-length", "100");
            for (int stream = 1; stream < 2000; stream += 2) {
                flood.writeBytes(RawHttp2Client.of(HEADERS, END_HEADERS, stream, head));
                flood.writeBytes(RawHttp2Client.of(RST_STREAM, 0, stream, RawHttp2Client.bytes(8)));
            }
            try {
                client.write(flood.toByteArray());
            } catch (IOException closed) {
                // Expected: the server has closed the connection.
            }
            assertEnds(client, ENHANCE_YOUR_CALM);
            until(() -> proxy.memory().usedBytes() == 0);
            assertThat(provider.calls()).isZero();
            othersAreServed();
        }
    }

    /** The client makes the server itself reset streams ("MadeYouReset", CVE-2025-8671). */
    @Test
    void resetsThatTheClientCausesCountAsItsOwn() throws IOException {
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            ByteArrayOutputStream flood = new ByteArrayOutputStream();
            byte[] head = RawHttp2Client.post(CHAT, "content-length", "100");
            for (int stream = 1; stream < 2000; stream += 2) {
                flood.writeBytes(RawHttp2Client.of(HEADERS, END_HEADERS, stream, head));
                flood.writeBytes(RawHttp2Client.of(WINDOW_UPDATE, 0, stream, RawHttp2Client.bytes(0)));
            }
            try {
                client.write(flood.toByteArray());
            } catch (IOException closed) {
                // Expected: the server has closed the connection.
            }
            assertEnds(client, ENHANCE_YOUR_CALM);
            until(() -> proxy.memory().usedBytes() == 0);
            othersAreServed();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 1000, 16_384})
    void aHeadWithoutAnEndEndsTheConnection(int length) throws IOException {
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            client.frame(HEADERS, 0, 1, RawHttp2Client.post(CHAT));
            byte[] more = RawHttp2Client.of(CONTINUATION, 0, 1, new byte[length]);
            try {
                for (int i = 0; i < 5_000; i++) {
                    client.write(more);
                }
            } catch (IOException closed) {
                // Expected: the server has closed the connection.
            }
            assertEnds(client, null);
            othersAreServed();
        }
    }

    @Test
    void aHeadThatIsTooLongIsRefused() throws IOException {
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            byte[] field = RawHttp2Client.block("x-filler", "x".repeat(15_000));
            client.frame(HEADERS, 0, 1, RawHttp2Client.post(CHAT));
            for (int i = 0; i < 5; i++) {
                client.frame(CONTINUATION, i == 4 ? END_HEADERS : 0, 1, field);
            }
            Frame answer = client.read(HEADERS);
            if (answer != null) {
                // Status 431, which is not in the static table.
                assertThat(new String(answer.payload(), StandardCharsets.ISO_8859_1))
                        .isNotEmpty();
                client.frame(RST_STREAM, 0, 1, RawHttp2Client.bytes(8));
                client.request(3, CHAT_REQUEST);
                assertThat(client.body(3)).contains("Hello");
            }
            assertThat(provider.calls()).isEqualTo(answer == null ? 0 : 1);
            othersAreServed();
        }
    }

    /** The memory for an unfinished head or frame is reserved in the budget. */
    @Test
    void unfinishedHeadsAndFramesAreReservedInTheBudget() throws IOException {
        try (RawHttp2Client head = new RawHttp2Client(proxy.port()).begin();
                RawHttp2Client frame = new RawHttp2Client(proxy.port()).begin()) {
            byte[] field = RawHttp2Client.block("x-filler", "x".repeat(15_000));
            head.frame(HEADERS, 0, 1, field);
            head.frame(CONTINUATION, 0, 1, field);
            until(() -> proxy.memory().usedBytes() == 2L * field.length);
            byte[] whole = RawHttp2Client.of(DATA, 0, 1, new byte[16_000]);
            frame.write(Arrays.copyOf(whole, 10_000));
            until(() -> proxy.memory().usedBytes() == 2L * field.length + 10_000 - 9);
            othersAreServed();
        }
        until(() -> proxy.memory().usedBytes() == 0);
    }

    /** The server reads no more frames than it can answer, so the rest stays with the client. */
    @ParameterizedTest
    @ValueSource(ints = {PING, SETTINGS})
    void framesThatHaveToBeAnsweredDoNotPileUp(int type) throws Exception {
        byte[] frame = RawHttp2Client.of(
                type, 0, 0, type == PING ? new byte[8] : new byte[] {0, INITIAL_WINDOW_SIZE, 0, 1, 0, 0});
        ByteArrayOutputStream many = new ByteArrayOutputStream();
        for (int i = 0; i < 1000; i++) {
            many.writeBytes(frame);
        }
        AtomicLong sent = new AtomicLong();
        try (RawHttp2Client client = new RawHttp2Client(proxy.port(), 4096).begin()) {
            Thread sender = new Thread(() -> {
                try {
                    for (int i = 0; i < 5_000; i++) {
                        client.write(many.toByteArray());
                        sent.incrementAndGet();
                    }
                } catch (IOException ended) {
                    // The server, or the end of the test, has closed the connection.
                }
            });
            sender.start();
            long before = -1;
            while (sender.isAlive() && before != sent.get()) {
                before = sent.get();
                assertThat(proxy.memory().usedBytes()).isLessThan(HELD);
                // No state of the server shows that it has stopped reading, so the test has to wait for some time.
                sender.join(500);
            }
            assertThat(proxy.memory().usedBytes()).isLessThan(HELD);
            assertThat(sent.get()).isLessThan(5_000);
            othersAreServed();
            client.leave();
            sender.join();
        }
    }

    /** A hundred answers of a megabyte, for which the client opens no window. */
    @Test
    void answersWithoutAWindowAreNotHeldForLong() throws Exception {
        String answer = "{\"choices\":[{\"finish_reason\":\"stop\",\"text\":\"" + "x".repeat(1 << 20) + "\"}]}";
        provider.does((exchange, request) ->
                ScriptedProvider.json(exchange, 200, request.body().equals(CHAT_REQUEST) ? CHAT_ANSWER : answer));
        String body = "{\"model\":\"m\",\"messages\":[],\"n\":1}";
        proxy.cached(CHAT, body);
        // This time limit is set only now, because fetching the answer may take longer.
        restart(Map.of("REFRAIN_TIMEOUTS_WRITE", "2s"));
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin(INITIAL_WINDOW_SIZE, 0)) {
            for (int stream = 1; stream < 200; stream += 2) {
                client.request(stream, body);
            }
            for (int ended = 0; ended < 100; ) {
                Frame frame = client.read();
                assertThat(frame).isNotNull();
                assertThat(proxy.memory().usedBytes())
                        .isLessThanOrEqualTo(proxy.memory().limitBytes());
                ended += frame.type() == RST_STREAM ? 1 : 0;
            }
            until(() -> proxy.memory().usedBytes() == 0);
            othersAreServed();
        }
    }

    /** At the pace of this client, the answer would take longer than the time limit allows. */
    @Test
    void aWindowOfAByteEndsTheAnswer() throws Exception {
        restart(Map.of("REFRAIN_TIMEOUTS_WRITE", "1s"));
        provider.does((exchange, request) -> ScriptedProvider.json(
                exchange, 200, request.body().equals(CHAT_REQUEST) ? CHAT_ANSWER : "x".repeat(20_000)));
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin(INITIAL_WINDOW_SIZE, 1)) {
            client.request(1, "{}");
            Frame frame;
            int taken = 0;
            do {
                frame = client.read();
                assertThat(frame).isNotNull();
                if (frame.type() == DATA) {
                    assertThat(frame.payload().length).isLessThanOrEqualTo(1);
                    taken += frame.payload().length;
                    // After 20 bytes, the client takes no more.
                    if (taken < 20) {
                        client.frame(WINDOW_UPDATE, 0, 1, RawHttp2Client.bytes(1));
                    }
                }
            } while (frame.type() != RST_STREAM);
            assertThat(taken).isLessThan(20_000);
            othersAreServed();
        }
    }

    @Test
    void aWindowUpdateOfZeroOrTooMuchIsAnError() throws IOException {
        providerWaits();
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            client.request(1, "{\"model\":\"m\",\"messages\":[]}");
            client.frame(WINDOW_UPDATE, 0, 1, RawHttp2Client.bytes(0));
            Frame reset = client.read(RST_STREAM);
            assertThat(reset.stream()).isEqualTo(1);
            assertThat(reset.number()).isEqualTo(PROTOCOL_ERROR);
            client.frame(WINDOW_UPDATE, 0, 0, RawHttp2Client.bytes(Integer.MAX_VALUE));
            assertEnds(client, null);
            othersAreServed();
        }
    }

    /** Unread bodies stay within the windows and within the budget. */
    @Test
    void unreadBodiesStayWithinTheirWindows() throws Exception {
        restart(Map.of("REFRAIN_TIMEOUTS_REQUEST", "60s"));
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, CHAT_ANSWER));
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            byte[] piece = new byte[16_384];
            long windows = 65_535;
            int stream = 1;
            long sent = 0;
            // Only the beginning of each body comes.
            while (stream < 60) {
                client.frame(HEADERS, END_HEADERS, stream, RawHttp2Client.post(CHAT, "content-length", "2000000"));
                client.frame(DATA, 0, stream, piece);
                sent += piece.length;
                stream += 2;
                if (sent + piece.length > windows) {
                    // Waits until the server opens its window: what was sent has been read, and memory has been
                    // reserved for it.
                    windows += client.read(WINDOW_UPDATE).number();
                }
            }
            assertThat(proxy.memory().usedBytes()).isLessThan(32L << 20);
            othersAreServed();
        }
        until(() -> proxy.memory().usedBytes() == 0);
    }

    /** Frames of one byte take memory for each frame, so each counts as six bytes, like a chunk of HTTP/1.1. */
    @Test
    void framesOfOneByteCountWithTheirOverhead() throws IOException {
        int frames = 10_000;
        // This provider never completes a TLS handshake, so the call waits, and its body waits for the call.
        try (ServerSocket silent = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
                RunningProxy waiting = new RunningProxy(
                        folder.resolve("waiting"),
                        URI.create("https://127.0.0.1:" + silent.getLocalPort() + "/v1"),
                        Map.of("REFRAIN_TIMEOUTS_CONNECT", "60s"))) {
            try (RawHttp2Client client = new RawHttp2Client(waiting.port()).begin()) {
                client.frame(HEADERS, END_HEADERS, 1, RawHttp2Client.post("/v1/other"));
                ByteArrayOutputStream body = new ByteArrayOutputStream();
                for (int i = 0; i < frames; i++) {
                    body.writeBytes(RawHttp2Client.of(DATA, 0, 1, new byte[1]));
                }
                client.write(body.toByteArray());
                until(() -> waiting.memory().usedBytes() >= 6L * frames);
            }
            until(() -> waiting.memory().usedBytes() == 0);
        }
    }

    @Test
    void streamsAboveTheAdvertisedLimitAreRefused() throws IOException {
        providerWaits();
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            assertThat(client.read(SETTINGS)).isNotNull();
            for (int stream = 1; stream < 203; stream += 2) {
                client.frame(
                        HEADERS, END_HEADERS, stream, RawHttp2Client.post(CHAT, "content-length", "" + (stream + 30)));
            }
            Frame reset = client.read(RST_STREAM);
            assertThat(reset.stream()).isEqualTo(201);
            assertThat(reset.number()).isEqualTo(REFUSED_STREAM);
            othersAreServed();
        }
    }

    @Test
    void framesWithoutDataEndTheConnection() throws IOException {
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            client.frame(HEADERS, END_HEADERS, 1, RawHttp2Client.post(CHAT));
            byte[] empty = RawHttp2Client.of(DATA, 0, 1, new byte[0]);
            try {
                for (int i = 0; i < 10_000; i++) {
                    client.write(empty);
                }
            } catch (IOException closed) {
                // Expected: the server has closed the connection.
            }
            assertEnds(client, ENHANCE_YOUR_CALM);
            othersAreServed();
        }
    }

    @Test
    void aConnectionThatDoesNothingIsClosed() throws Exception {
        restart(Map.of("REFRAIN_TIMEOUTS_KEEP_ALIVE", "1s"));
        try (RawHttp2Client silent = new RawHttp2Client(proxy.port());
                RawHttp2Client begun = new RawHttp2Client(proxy.port())) {
            begun.write("PRI * HT".getBytes(StandardCharsets.US_ASCII));
            until(this::isClosedBehindItsAnswer);
            assertThat(silent.read()).isNull();
            assertThat(begun.read()).isNull();
        }
    }

    /** Returns false if a second passed before the request arrived, so that the connection was closed as idle. */
    private boolean isClosedBehindItsAnswer() {
        try (RawHttp2Client idle = new RawHttp2Client(proxy.port()).begin()) {
            idle.requestAtOnce(1, CHAT_REQUEST);
            String body = idle.body(1);
            if (body != null) {
                assertThat(body).contains("Hello");
                assertEnds(idle, 0);
            }
            return body != null;
        } catch (IOException closed) {
            return false;
        }
    }

    /** The client gets an answer, like a client of HTTP/1.1 that sends half of a request. */
    @Test
    void aStalledBodyIsAnsweredAndTheConnectionContinues() throws Exception {
        restart(Map.of("REFRAIN_TIMEOUTS_REQUEST", "1s"));
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            client.frame(HEADERS, END_HEADERS, 1, RawHttp2Client.post(CHAT, "content-length", "100"));
            client.frame(DATA, 0, 1, new byte[10]);
            assertThat(client.body(1)).contains("Nothing more of the request body came");
            client.requestAtOnce(3, CHAT_REQUEST);
            assertThat(client.body(3)).contains("Hello");
        }
    }
}
