package dev.refrain.http.proxy;

import static dev.refrain.http.proxy.RawHttp2Client.DATA;
import static dev.refrain.http.proxy.RawHttp2Client.END_HEADERS;
import static dev.refrain.http.proxy.RawHttp2Client.END_STREAM;
import static dev.refrain.http.proxy.RawHttp2Client.GOAWAY;
import static dev.refrain.http.proxy.RawHttp2Client.HEADERS;
import static dev.refrain.http.proxy.RawHttp2Client.INITIAL_WINDOW_SIZE;
import static dev.refrain.http.proxy.RawHttp2Client.PING;
import static dev.refrain.http.proxy.RawHttp2Client.PROTOCOL_ERROR;
import static dev.refrain.http.proxy.RawHttp2Client.REFUSED_STREAM;
import static dev.refrain.http.proxy.RawHttp2Client.RST_STREAM;
import static dev.refrain.http.proxy.RawHttp2Client.WINDOW_UPDATE;
import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.http.proxy.RawHttp2Client.Frame;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpClient;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * HTTP/2 from clients. {@code -Drefrain.wire=h2} runs the tests of the wire contract over HTTP/2, too. Long, since each
 * test plays its client frame by frame.
 */
class ClientHttp2Test extends WireTest {
    @Test
    void streamsOfOneConnectionAreAnsweredAndHitsAreHits() throws IOException {
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            client.request(1, CHAT_REQUEST);
            assertThat(client.body(1)).isEqualTo(CHAT_ANSWER);
            for (int stream = 3; stream < 200; stream += 2) {
                client.request(stream, CHAT_REQUEST);
            }
            for (int stream = 3; stream < 200; stream += 2) {
                assertThat(client.body(stream)).contains("Hello").doesNotContain("chatcmpl-123");
            }
            assertThat(provider.calls()).isEqualTo(1);
            assertThat(proxy.stats().hits()).isEqualTo(99);
        }
    }

    /** The preface may arrive in pieces that begin like a request of HTTP/1.1. */
    @Test
    void aPrefaceMayComeInPieces() throws IOException {
        try (RawHttp2Client client = new RawHttp2Client(proxy.port())) {
            for (String piece : new String[] {"P", "RI * HTTP/2.0\r\n", "\r\nSM\r\n\r", "\n"}) {
                client.write(piece.getBytes(StandardCharsets.US_ASCII));
            }
            client.settings().request(1, CHAT_REQUEST);
            assertThat(client.body(1)).isEqualTo(CHAT_ANSWER);
        }
    }

    @Test
    void http2CanBeTurnedOff() throws Exception {
        restart(Map.of("REFRAIN_HTTP2", "false"));
        if (Wire.TLS) {
            HttpClient client =
                    HttpClient.newBuilder().sslContext(Wire.context()).build();
            assertThat(client.send(proxy.post(CHAT, CHAT_REQUEST).build(), HttpResponse.BodyHandlers.ofString())
                            .version())
                    .isEqualTo(HttpClient.Version.HTTP_1_1);
        } else {
            try (RawClient client = new RawClient(proxy.port())) {
                client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
                assertThat(client.readToTheEnd()).startsWith("HTTP/1.1 400");
            }
        }
    }

    /** A request that HTTP/1.1 would read in another way must not reach the code of HTTP/1.1. */
    @Test
    void malformedRequestsAreResetAndNotProcessed() throws IOException {
        String[][] malformed = {
            {"x", "a\r\nb: c"},
            {"x", "a\nb"},
            {"x", "a\0b"},
            {"x", " a"},
            {"x", "a\t"},
            {"X", "a"},
            {"x y", "a"},
            {"x:", "a"},
            {"", "a"},
            {"connection", "close"},
            {"transfer-encoding", "chunked"},
            {"upgrade", "websocket"},
            {"keep-alive", "1"},
            {"te", "gzip"},
            {"host", "elsewhere"},
            {"host", "localhost", "host", "elsewhere"},
            {"host", "localhost", "host", "localhost"},
            {"content-length", "1"},
            {"content-length", "1, 2"},
            {":path", "/v1/models"},
            {":unknown", "a"},
        };
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            int stream = 1;
            for (String[] fields : malformed) {
                client.frame(HEADERS, END_HEADERS, stream, RawHttp2Client.post(CHAT, fields));
                client.frame(DATA, END_STREAM, stream, CHAT_REQUEST.getBytes(StandardCharsets.US_ASCII));
                Frame reset;
                do {
                    // The body of the stream before may be answered with a second reset.
                    reset = client.read(RST_STREAM);
                } while (reset != null && reset.stream() < stream);
                assertThat(reset).as(fields[0] + ": " + fields[1]).isNotNull();
                assertThat(reset.stream()).isEqualTo(stream);
                assertThat(reset.number()).isEqualTo(PROTOCOL_ERROR);
                stream += 2;
            }
            for (String target :
                    new String[] {"", "v1/models", "/v1/mod els", "/v1/models HTTP/1.1\r\nx: y", "http://a/v1/models"
                    }) {
                client.frame(
                        HEADERS,
                        END_HEADERS | END_STREAM,
                        stream,
                        RawHttp2Client.block(
                                ":method", "GET", ":scheme", "http", ":path", target, ":authority", "localhost"));
                Frame reset;
                do {
                    reset = client.read(RST_STREAM);
                } while (reset != null && reset.stream() < stream);
                assertThat(reset).as(target).isNotNull();
                assertThat(reset.stream()).isEqualTo(stream);
                stream += 2;
            }
            assertThat(provider.calls()).isZero();
            client.request(stream, CHAT_REQUEST);
            assertThat(client.body(stream)).isEqualTo(CHAT_ANSWER);
        }
    }

    /** RFC 9113, 8.2.3: a client may send each cookie pair in a field of its own. The caller is the same. */
    @Test
    void piecesOfACookieAreOneField() throws IOException {
        HttpResponse<String> whole = proxy.cached(CHAT, CHAT_REQUEST, "Cookie", "a=1; b=2");
        assertMiss(whole);
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            byte[] body = CHAT_REQUEST.getBytes(StandardCharsets.US_ASCII);
            client.frame(
                    HEADERS,
                    END_HEADERS,
                    1,
                    RawHttp2Client.post(
                            CHAT, "cookie", "a=1", "cookie", "b=2", "content-length", Integer.toString(body.length)));
            client.frame(DATA, END_STREAM, 1, body);
            assertThat(client.body(1)).contains("Hello");
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    /** A body without a stated length, in frames of any length. */
    @ParameterizedTest
    @ValueSource(ints = {1, 7, 1000})
    void aBodyMayComeInPiecesWithoutALength(int piece) throws IOException {
        byte[] body = CHAT_REQUEST.getBytes(StandardCharsets.US_ASCII);
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            client.frame(HEADERS, END_HEADERS, 1, RawHttp2Client.post(CHAT));
            for (int at = 0; at < body.length; at += piece) {
                int end = Math.min(body.length, at + piece);
                byte[] part = Arrays.copyOfRange(body, at, end);
                client.frame(DATA, 0, 1, part);
            }
            client.frame(DATA, END_STREAM, 1);
            assertThat(client.body(1)).isEqualTo(CHAT_ANSWER);
        }
        assertHit(proxy.cached(CHAT, CHAT_REQUEST));
    }

    /** Trailers end a body like its last data frame. */
    @Test
    void trailersEndABody() throws IOException {
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            client.frame(HEADERS, END_HEADERS, 1, RawHttp2Client.post(CHAT));
            client.frame(DATA, 0, 1, CHAT_REQUEST.getBytes(StandardCharsets.US_ASCII));
            client.frame(PING, 0, 0, new byte[8]);
            assertThat(client.read(PING)).isNotNull();
            client.frame(HEADERS, END_HEADERS | END_STREAM, 1, RawHttp2Client.block("x-checksum", "1"));
            assertThat(client.body(1)).isEqualTo(CHAT_ANSWER);
        }
    }

    /** A cut answer must not look complete. Other streams of the connection continue. */
    @Test
    void anAnswerThatIsCutResetsItsStreamAlone() throws IOException {
        provider.does((exchange, request) -> {
            if (request.body().contains("stream")) {
                exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
                exchange.sendResponseHeaders(200, 1000);
                exchange.getResponseBody().write("data: {}\n\n".getBytes(StandardCharsets.US_ASCII));
                exchange.getResponseBody().flush();
                exchange.close();
                return;
            }
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            client.request(1, CHAT_STREAM_REQUEST);
            assertThat(client.body(1)).isNull();
            client.request(3, CHAT_REQUEST);
            assertThat(client.body(3)).isEqualTo(CHAT_ANSWER);
        }
    }

    /** A reset means that the client has left: a call without other clients is cancelled. */
    @Test
    void aResetCancelsACallThatIsNotCached() throws Exception {
        CountDownLatch called = new CountDownLatch(1);
        CountDownLatch left = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            if (request.body().contains("long")) {
                called.countDown();
                exchange.sendResponseHeaders(200, 0);
                try {
                    while (true) {
                        exchange.getResponseBody().write(new byte[1000]);
                        exchange.getResponseBody().flush();
                    }
                } catch (IOException gone) {
                    left.countDown();
                }
            }
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            // The long answer may use its stream's window up, and must leave room in the connection's for the next one.
            client.frame(WINDOW_UPDATE, 0, 0, RawHttp2Client.bytes(1 << 20));
            String body = "{\"model\":\"m\",\"messages\":[],\"user\":\"long\"}";
            client.frame(
                    HEADERS,
                    END_HEADERS,
                    1,
                    RawHttp2Client.block(
                            ":method",
                            "POST",
                            ":scheme",
                            "http",
                            ":path",
                            CHAT,
                            ":authority",
                            "localhost",
                            "content-length",
                            Integer.toString(body.length())));
            client.frame(DATA, END_STREAM, 1, body.getBytes(StandardCharsets.US_ASCII));
            assertThat(called.await(20, TimeUnit.SECONDS)).isTrue();
            client.frame(RST_STREAM, 0, 1, RawHttp2Client.bytes(8));
            assertThat(left.await(20, TimeUnit.SECONDS)).isTrue();
            client.request(3, CHAT_REQUEST);
            assertThat(client.body(3)).isEqualTo(CHAT_ANSWER);
            until(() -> proxy.callsInFlight() == 0);
        }
    }

    /** No more is sent than the windows of the stream and of the connection allow. */
    @Test
    void windowsAreRespected() throws IOException {
        String answer = "{\"choices\":[{\"finish_reason\":\"stop\",\"text\":\"" + "x".repeat(200_000) + "\"}]}";
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, answer));
        proxy.cached(CHAT, CHAT_REQUEST);
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin(INITIAL_WINDOW_SIZE, 1000)) {
            client.request(1, CHAT_REQUEST);
            assertThat(client.read(HEADERS).stream()).isEqualTo(1);
            long left = 1000;
            long windows = 1000;
            StringBuilder body = new StringBuilder();
            int step = 1;
            while (true) {
                Frame frame = client.read(DATA);
                left -= frame.payload().length;
                body.append(new String(frame.payload(), StandardCharsets.UTF_8));
                assertThat(left).isNotNegative();
                if (frame.isLast()) {
                    break;
                }
                if (left == 0) {
                    left = step = Math.min(2 * step, 50_000);
                    windows += step;
                    client.frame(WINDOW_UPDATE, 0, 1, RawHttp2Client.bytes(step));
                    client.frame(WINDOW_UPDATE, 0, 0, RawHttp2Client.bytes(step));
                }
            }
            assertThat(body.length()).isLessThanOrEqualTo((int) windows);
            assertThat(body.toString()).contains("x".repeat(200_000));
        }
    }

    /** Answers in progress end, no new request begins, and then clients are sent elsewhere. */
    @Test
    void aStopLetsAnswersEndAndSaysSo() throws Exception {
        CountDownLatch called = new CountDownLatch(1);
        CountDownLatch answer = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            called.countDown();
            await(answer);
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
        try (RawHttp2Client idle = new RawHttp2Client(proxy.port()).begin();
                RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            client.request(1, CHAT_REQUEST);
            assertThat(called.await(20, TimeUnit.SECONDS)).isTrue();
            Thread stop = new Thread(() -> proxy.close());
            stop.start();
            assertThat(idle.read(GOAWAY).number()).isZero();
            client.request(3, CHAT_REQUEST);
            assertThat(client.body(3)).contains("is being stopped");
            answer.countDown();
            assertThat(client.body(1)).isEqualTo(CHAT_ANSWER);
            Frame last = client.read(GOAWAY);
            assertThat(last.number()).isZero();
            assertThat(ByteBuffer.wrap(last.payload()).getInt()).isEqualTo(3);
            stop.join();
        }
    }

    /** A client that connects during a stop gets an answer to its first request, and is then told to leave. */
    @ParameterizedTest
    @ValueSource(strings = {"0s", "60s"})
    void aClientThatConnectsDuringAStopGetsAnAnswerFirst(String drain) throws Exception {
        restart(Map.of("REFRAIN_TIMEOUTS_DRAIN", drain));
        CountDownLatch called = new CountDownLatch(1);
        CountDownLatch answer = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            if (request.body().contains("long")) {
                called.countDown();
                await(answer);
            }
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
        Thread stop = new Thread(() -> proxy.close());
        try (RawHttp2Client idle = new RawHttp2Client(proxy.port()).begin();
                RawHttp2Client busy = new RawHttp2Client(proxy.port()).begin()) {
            busy.request(1, CHAT_REQUEST.replace("hi", "long"));
            assertThat(called.await(20, TimeUnit.SECONDS)).isTrue();
            stop.start();
            assertThat(idle.read(GOAWAY)).isNotNull();
            try (RawHttp2Client late = new RawHttp2Client(proxy.port())) {
                late.beginWith(1, CHAT_REQUEST);
                assertThat(late.body(1)).contains("0s".equals(drain) ? "is being stopped" : "Hello");
                assertThat(last(late.read(GOAWAY))).isEqualTo("0s".equals(drain) ? 1 : Integer.MAX_VALUE);
            }
            try (RawHttp2Client silent = new RawHttp2Client(proxy.port()).begin()) {
                assertThat(last(silent.read(GOAWAY))).isEqualTo("0s".equals(drain) ? 0 : Integer.MAX_VALUE);
            }
        } finally {
            answer.countDown();
            stop.join();
        }
    }

    /**
     * RFC 9113, 6.8. A client without a request in progress gets notice at once. Another client gets it with the
     * request that it begins in the second half of the drain. Requests that they send before notice can have reached
     * them are served. Longer drains are tried in case this machine stands still for half of a shorter one.
     */
    @Test
    void aDrainGivesNoticeAndLosesNoRequest() throws Exception {
        assertThat(givesNoticeAndLosesNoRequest("5s")
                        || givesNoticeAndLosesNoRequest("15s")
                        || givesNoticeAndLosesNoRequest("45s"))
                .as("a client without a request, and a busy one, have notice in time")
                .isTrue();
    }

    /** Returns whether notice came in time. No request is lost in any case. */
    private boolean givesNoticeAndLosesNoRequest(String drain) throws Exception {
        restart(Map.of("REFRAIN_TIMEOUTS_DRAIN", drain));
        CountDownLatch called = new CountDownLatch(1);
        CountDownLatch answer = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            if (request.body().contains("long")) {
                called.countDown();
                await(answer);
            }
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
        Thread stop = new Thread(() -> proxy.close());
        try (RawHttp2Client idle = new RawHttp2Client(proxy.port()).begin();
                RawHttp2Client busy = new RawHttp2Client(proxy.port()).begin()) {
            busy.frame(WINDOW_UPDATE, 0, 0, RawHttp2Client.bytes(1 << 30));
            busy.request(1, CHAT_REQUEST.replace("hi", "long"));
            assertThat(called.await(20, TimeUnit.SECONDS)).isTrue();
            stop.start();
            if (last(idle.read(GOAWAY)) != Integer.MAX_VALUE) {
                return false;
            }
            int stream = 1;
            Frame heard = null;
            while (heard == null) {
                stream += 2;
                busy.request(stream, CHAT_REQUEST);
                Frame frame;
                do {
                    frame = busy.read();
                    assertThat(frame).isNotNull();
                    if (frame.type() == GOAWAY) {
                        heard = frame;
                        if (last(heard) != Integer.MAX_VALUE) {
                            assertThat(last(heard))
                                    .as("all requests before are answered")
                                    .isEqualTo(stream - 2);
                            Frame refused = busy.read(RST_STREAM);
                            assertThat(refused.stream()).isEqualTo(stream);
                            assertThat(refused.number()).isEqualTo(REFUSED_STREAM);
                            return false;
                        }
                    } else if (frame.type() == HEADERS) {
                        assertThat(new String(frame.payload(), StandardCharsets.ISO_8859_1))
                                .as("the first field is the status 200, which has a number of its own")
                                .startsWith("\u0088");
                    }
                } while (!(frame.stream() == stream && frame.isLast()));
            }
            assertThat(last(idle.read(GOAWAY))).isZero();
            assertThat(idle.read()).isNull();
            assertThat(last(busy.read(GOAWAY))).isEqualTo(stream);
            // The client has been told that this request is not served.
            busy.request(stream + 2, CHAT_REQUEST);
            answer.countDown();
            assertThat(busy.body(1)).isEqualTo(CHAT_ANSWER);
            assertThat(busy.read()).isNull();
            return true;
        } finally {
            answer.countDown();
            stop.join();
        }
    }

    /** After the drain, a request that begins beside a long one is left for another server. */
    @Test
    void aRequestAfterTheDrainIsNotProcessed() throws Exception {
        restart(Map.of("REFRAIN_TIMEOUTS_DRAIN", "100ms"));
        CountDownLatch called = new CountDownLatch(1);
        CountDownLatch answer = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            called.countDown();
            await(answer);
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
        Thread stop = new Thread(() -> proxy.close());
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            client.request(1, CHAT_REQUEST);
            assertThat(called.await(20, TimeUnit.SECONDS)).isTrue();
            stop.start();
            until(this::takesNoRequests);
            client.request(3, CHAT_REQUEST);
            assertThat(last(client.read(GOAWAY))).isEqualTo(1);
            answer.countDown();
            assertThat(client.body(1)).isEqualTo(CHAT_ANSWER);
            assertThat(client.read()).isNull();
            assertThat(provider.calls()).isEqualTo(1);
        } finally {
            answer.countDown();
            stop.join();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await(60, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean takesNoRequests() {
        try (RawClient other = new RawClient(proxy.port())) {
            other.send("GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            return other.readToTheEnd().startsWith("HTTP/1.1 503 ");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns the number of the last request that is answered. */
    private static int last(Frame goAway) {
        assertThat(goAway.number()).isZero();
        return ByteBuffer.wrap(goAway.payload()).getInt();
    }
}
