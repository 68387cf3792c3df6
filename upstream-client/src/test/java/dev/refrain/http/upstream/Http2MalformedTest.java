package dev.refrain.http.upstream;

import static dev.refrain.testing.Http2Provider.CONTINUATION;
import static dev.refrain.testing.Http2Provider.DATA;
import static dev.refrain.testing.Http2Provider.END_HEADERS;
import static dev.refrain.testing.Http2Provider.END_STREAM;
import static dev.refrain.testing.Http2Provider.HEADERS;
import static dev.refrain.testing.Http2Provider.PING;
import static dev.refrain.testing.Http2Provider.PUSH_PROMISE;
import static dev.refrain.testing.Http2Provider.SETTINGS;
import static dev.refrain.testing.Http2Provider.WINDOW_UPDATE;
import static dev.refrain.testing.Http2Provider.block;
import static dev.refrain.testing.Http2Provider.latin;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.Http2Provider;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers and frames that RFC 9113 forbids. */
class Http2MalformedTest extends Http2Test {
    /** The provider's faulty answer to a request. */
    @FunctionalInterface
    interface Fault {
        void answer(Http2Provider.Connection connection, int stream) throws IOException;
    }

    private static Arguments head(String name, String... fields) {
        return Arguments.of(name, (Fault) (connection, stream) ->
                connection.headers(stream, false, fields).data(stream, true, "{}"));
    }

    private static Arguments body(String name, String length, String... pieces) {
        return Arguments.of(name, (Fault) (connection, stream) -> {
            connection.headers(stream, false, ":status", "200", "content-length", length);
            for (int i = 0; i < pieces.length; i++) {
                connection.data(stream, i == pieces.length - 1, pieces[i]);
            }
        });
    }

    static Stream<Arguments> malformed() {
        return Stream.of(
                head("no status", "content-type", "application/json"),
                head("two statuses", ":status", "200", ":status", "200"),
                head("a status that is no number", ":status", "2x0"),
                head("a status of four digits", ":status", "2000"),
                head("a status with a reason", ":status", "200 OK"),
                head("status 99", ":status", "099"),
                head("status 101", ":status", "101"),
                head("a pseudo-header of requests", ":status", "200", ":path", "/"),
                head("an unknown pseudo-header", ":status", "200", ":phrase", "OK"),
                head("a pseudo-header after a field", "x-a", "1", ":status", "200"),
                head("a name in upper case", ":status", "200", "X-Name", "1"),
                head("a name with a blank", ":status", "200", "x name", "1"),
                head("a name with a colon", ":status", "200", "x:name", "1"),
                head("an empty name", ":status", "200", "", "1"),
                head("a folded name", ":status", "200", "x-a", "1", " x-b", "2"),
                head("a line end in a value", ":status", "200", "x-a", "1\r\nx-b: 2"),
                head("a zero byte in a value", ":status", "200", "x-a", "1\0"),
                head("Connection", ":status", "200", "connection", "close"),
                head("Keep-Alive", ":status", "200", "keep-alive", "timeout=5"),
                head("Transfer-Encoding", ":status", "200", "transfer-encoding", "chunked"),
                head("Upgrade", ":status", "200", "upgrade", "h2c"),
                head("Proxy-Connection", ":status", "200", "proxy-connection", "close"),
                head("two lengths", ":status", "200", "content-length", "2", "content-length", "3"),
                head("a length that is no number", ":status", "200", "content-length", "two"),
                head("a length below zero", ":status", "200", "content-length", "-2"),
                head("a length with a sign", ":status", "200", "content-length", "+2"),
                head("a body with 204", ":status", "204"),
                head("a length with 204", ":status", "204", "content-length", "2"),
                body("a body that is too short", "3", "{}"),
                body("a body that is too long", "1", "{}"),
                body("a body that is too long at once", "1", "{}", ""),
                body("a body that is too short in pieces", "9", "{", "", "}"),
                Arguments.of("a length and no body", (Fault) (connection, stream) ->
                        connection.headers(stream, true, ":status", "200", "content-length", "2")),
                Arguments.of("a length, and trailers in place of the body", (Fault) (connection, stream) -> connection
                        .headers(stream, false, ":status", "200", "content-length", "2")
                        .headers(stream, true, "x-sum", "1")),
                Arguments.of("a body ahead of the head", (Fault) (connection, stream) ->
                        connection.data(stream, false, "{}").headers(stream, true, ":status", "200")),
                Arguments.of("an interim answer and an end", (Fault)
                        (connection, stream) -> connection.headers(stream, true, ":status", "103")),
                Arguments.of("two heads", (Fault) (connection, stream) ->
                        connection.headers(stream, false, ":status", "200").headers(stream, false, ":status", "200")),
                Arguments.of("a status in trailers", (Fault) (connection, stream) ->
                        connection.headers(stream, false, ":status", "200").headers(stream, true, ":status", "200")),
                Arguments.of("a field about connections in trailers", (Fault) (connection, stream) -> connection
                        .headers(stream, false, ":status", "200")
                        .headers(stream, true, "connection", "close")),
                Arguments.of("interim answers without end", (Fault) (connection, stream) -> {
                    for (int i = 0; i < 500; i++) {
                        connection.headers(stream, false, ":status", "103", "x-long", "x".repeat(1000));
                    }
                }));
    }

    /** The fault affects only its call; the connection continues. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("malformed")
    void aMalformedAnswerFailsOnlyItsCall(String name, Fault fault) throws IOException {
        start(connection -> {
            connection.greet();
            fault.answer(connection, connection.request().stream());
            answerAll(connection);
        });
        assertThat(post("{}").failure().detail()).isEqualTo("upstream-malformed");
        assertThat(post("{}").text()).isEqualTo(OK);
        assertThat(provider.connections).hasValue(1);
        assertThat(provider.requests).hasValue(2);
    }

    private static Arguments frame(String name, int type, int flags, int stream, int... payload) {
        byte[] bytes = new byte[payload.length];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) payload[i];
        }
        return Arguments.of(name, (Fault) (connection, id) -> connection.write(type, flags, stream, bytes));
    }

    static Stream<Arguments> broken() {
        byte[] much = new byte[16_000];
        Arrays.fill(much, (byte) 'x');
        return Stream.of(
                frame("DATA on no stream", DATA, END_STREAM, 0, 1),
                frame("HEADERS on a stream of nobody's", HEADERS, END_HEADERS, 99, 0x88),
                frame("HPACK that is none", HEADERS, END_HEADERS, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
                frame("an index of nothing", HEADERS, END_HEADERS, 1, 0xfe),
                frame("CONTINUATION of nothing", CONTINUATION, END_HEADERS, 1, 0x88),
                frame("a PING that is too short", PING, 0, 0, 1, 2),
                frame("SETTINGS that are too short", SETTINGS, 0, 0, 1),
                frame("an update of nothing", WINDOW_UPDATE, 0, 0, 0, 0, 0, 0),
                frame("a window beyond its size", WINDOW_UPDATE, 0, 0, 0x7f, 0xff, 0xff, 0xff),
                Arguments.of("a pushed answer", (Fault) (connection, stream) -> connection.write(
                        PUSH_PROMISE,
                        END_HEADERS,
                        stream,
                        latin("\0\0\0\2"
                                + new String(
                                        block(":method", "GET", ":scheme", "https", ":authority", "x", ":path", "/"),
                                        StandardCharsets.ISO_8859_1)))),
                Arguments.of("a frame that is too long", (Fault)
                        (connection, stream) -> connection.write(DATA, 0, stream, new byte[20_000])),
                Arguments.of("HTTP/1.1", (Fault) (connection, stream) ->
                        connection.raw("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.UTF_8))),
                Arguments.of("a head without end", (Fault) (connection, stream) -> {
                    connection.write(HEADERS, 0, stream, block(":status", "200"));
                    for (int i = 0; i < 200; i++) {
                        connection.write(CONTINUATION, 0, stream, much);
                    }
                }),
                Arguments.of("a head in crumbs", (Fault) (connection, stream) -> {
                    connection.write(HEADERS, 0, stream, block(":status", "200"));
                    for (int i = 0; i < 50_000; i++) {
                        connection.write(CONTINUATION, 0, stream);
                    }
                }));
    }

    /** After a broken frame, nothing on the connection can be trusted. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("broken")
    void brokenFramesCloseTheConnection(String name, Fault fault) throws IOException {
        start(connection -> {
            connection.greet();
            if (provider.connections.get() == 1) {
                int stream = connection.request().stream();
                try {
                    fault.answer(connection, stream);
                } catch (IOException cutWhileItWrites) {
                    // The client closes the connection while the provider still writes.
                }
                connection.drain();
            }
            answerAll(connection);
        });
        assertThat(post("{}").failure().detail()).isEqualTo("upstream-malformed");
        assertThat(provider.requests).hasValue(1);
        assertThat(post("{}").text()).isEqualTo(OK);
        assertThat(provider.connections).hasValue(2);
    }

    /** Netty replies to each such frame, and would buffer the replies that the provider does not read. */
    @ParameterizedTest
    @ValueSource(ints = {PING, SETTINGS})
    void framesWhoseRepliesAreNotReadEndTheConnection(int type) throws IOException {
        byte[] frame = Unpooled.buffer()
                .writeMedium(type == PING ? 8 : 0)
                .writeByte(type)
                .writeByte(0)
                .writeInt(0)
                .writeBytes(new byte[type == PING ? 8 : 0])
                .array();
        byte[] many = new byte[1000 * (type == PING ? 17 : 9)];
        for (int at = 0; at < many.length; at++) {
            many[at] = frame[at % (type == PING ? 17 : 9)];
        }
        AtomicInteger sent = new AtomicInteger();
        start(connection -> {
            connection.greet();
            if (provider.connections.get() == 1) {
                connection.request();
                while (sent.incrementAndGet() < 20_000) {
                    connection.raw(many);
                }
            }
            answerAll(connection);
        });
        assertThat(post("{}").failure()).isNotNull();
        // The sockets in between buffer some megabytes.
        assertThat(sent).hasValueLessThan(20_000);
        assertThat(post("{}").text()).isEqualTo(OK);
    }

    /** The head is as long as HTTP/1.1 allows, and comes in frames as short as some servers send. */
    @ParameterizedTest
    @ValueSource(ints = {16_000, 1_100})
    void aLongHeadIsAccepted(int frame) throws IOException {
        start(connection -> {
            connection.greet();
            int stream = connection.request().stream();
            byte[] head = block(":status", "200", "x-long", "x".repeat(300_000));
            connection.write(HEADERS, 0, stream, Arrays.copyOf(head, frame));
            for (int at = frame; at < head.length; at += frame) {
                int end = Math.min(head.length, at + frame);
                connection.write(
                        CONTINUATION, end == head.length ? END_HEADERS : 0, stream, Arrays.copyOfRange(head, at, end));
            }
            connection.data(stream, true, OK);
            connection.drain();
        });
        assertThat(post("{}").text()).isEqualTo(OK);
    }

    @Test
    void aHeadThatIsTooLongIsMalformed() throws IOException {
        start(connection -> {
            connection.greet();
            int stream = connection.request().stream();
            byte[] head = block(":status", "200", "x-long", "x".repeat(400_000));
            connection.write(HEADERS, 0, stream, Arrays.copyOf(head, 16_000));
            for (int at = 16_000; at < head.length; at += 16_000) {
                int end = Math.min(head.length, at + 16_000);
                connection.write(
                        CONTINUATION, end == head.length ? END_HEADERS : 0, stream, Arrays.copyOfRange(head, at, end));
            }
            connection.drain();
        });
        assertThat(post("{}").failure().getMessage()).contains("its head is longer than");
    }
}
