package dev.refrain.http.proxy;

import static dev.refrain.testing.Http2Provider.CONTINUATION;
import static dev.refrain.testing.Http2Provider.DATA;
import static dev.refrain.testing.Http2Provider.END_HEADERS;
import static dev.refrain.testing.Http2Provider.HEADERS;
import static dev.refrain.testing.Http2Provider.PUSH_PROMISE;
import static dev.refrain.testing.Http2Provider.block;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Providers that break off, and malformed answers, over HTTP/2 (wire rules W16, W23 and W31). */
class BrokenProviderHttp2WireTest extends Http2Faults {
    private static final String JSON = "application/json";
    private static final int REFUSED_STREAM = 7;

    private static Arguments fault(String name, Fault fault) {
        return Arguments.of(name, fault);
    }

    private static Arguments headOf(String name, String... fields) {
        return fault(
                name,
                (connection, stream) ->
                        connection.headers(stream, false, fields).data(stream, true, "{}"));
    }

    static Stream<Arguments> noAnswer() {
        return Stream.of(
                fault("closed without a byte", (connection, stream) -> {
                    throw new HangUp();
                }),
                fault("reset", (connection, stream) -> {
                    connection.breakOff();
                    throw new HangUp();
                }),
                fault("half a frame", (connection, stream) -> {
                    connection.raw(new byte[] {0, 0, 9, HEADERS});
                    throw new HangUp();
                }),
                fault("half a head", (connection, stream) -> {
                    connection.write(HEADERS, 0, stream, Arrays.copyOf(block(":status", "200", "x-long", "x"), 9));
                    throw new HangUp();
                }),
                fault("a GOAWAY that says that it has been read", (connection, stream) -> {
                    connection.goAway(stream, 0);
                    throw new HangUp();
                }),
                fault("only a word ahead", (connection, stream) -> {
                    connection.headers(stream, false, ":status", "103", "link", "</a>");
                    throw new HangUp();
                }),
                fault("a stream reset without error", (connection, stream) -> connection.reset(stream, 0)),
                fault("a stream reset by an error", (connection, stream) -> connection.reset(stream, 2)),
                fault(
                        "refused after a word ahead",
                        (connection, stream) -> connection
                                .headers(stream, false, ":status", "103")
                                .reset(stream, REFUSED_STREAM)),
                fault(
                        "a head that ends the answer and is none",
                        (connection, stream) -> connection.headers(stream, true, ":status", "103")),
                fault("a body ahead of its head", (connection, stream) -> connection.data(stream, true, "{}")),
                fault(
                        "a frame that is too large",
                        (connection, stream) -> connection.data(stream, true, "x".repeat(20_000))),
                fault(
                        "a promise that nobody asked for",
                        (connection, stream) ->
                                connection.write(PUSH_PROMISE, END_HEADERS, stream, new byte[] {0, 0, 0, 2})),
                fault(
                        "another frame amid a head",
                        (connection, stream) -> connection
                                .write(HEADERS, 0, stream, block(":status", "200"))
                                .write(DATA, 0, stream, new byte[1])),
                fault("a head of a mebibyte", (connection, stream) -> {
                    connection.write(HEADERS, 0, stream, block(":status", "200"));
                    for (int i = 0; i < 100; i++) {
                        connection.write(CONTINUATION, 0, stream, block("x-long", "x".repeat(10_000)));
                    }
                }),
                fault("a head without end", (connection, stream) -> {
                    connection.write(HEADERS, 0, stream, block(":status", "200"));
                    for (int i = 0; i < 1000; i++) {
                        connection.write(CONTINUATION, 0, stream);
                    }
                }),
                headOf("no status", "content-type", JSON),
                headOf("a status that is no number", ":status", "abc"),
                headOf("status 99", ":status", "099"),
                headOf("another protocol", ":status", "101", "content-type", JSON),
                headOf("a name in capitals", ":status", "200", "Content-Type", JSON),
                headOf("a blank in a name", ":status", "200", "bad name", "x"),
                headOf("a field of a connection", ":status", "200", "connection", "close"),
                headOf("a coding of a connection", ":status", "200", "transfer-encoding", "chunked"),
                headOf("a zero byte in a value", ":status", "200", "x-zero", "a\0b"),
                headOf("a line end in a value", ":status", "200", "x-line", "a\r\nb: c"),
                headOf("a length that is no number", ":status", "200", "content-length", "abc"),
                headOf("a length below zero", ":status", "200", "content-length", "-2"),
                headOf("two lengths", ":status", "200", "content-length", "2", "content-length", "5"),
                headOf("a body with 204", ":status", "204", "content-length", "2"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("noAnswer")
    void w31_aMalformedAnswerIs502(String name, Fault fault) {
        for (boolean streaming : new boolean[] {false, true}) {
            does(fault);
            String request = newRequest(streaming);
            int before = calls();
            assertOwnError(Api.CHAT, fetch(Api.CHAT, request), 502, "upstream provider");
            assertThat(calls()).as("each answer is paid for").isEqualTo(before + 1);
            assertNothingIsLeft(Api.CHAT, request, streaming);
        }
    }

    @ParameterizedTest
    @EnumSource(Api.class)
    void w31_theErrorHasTheShapeOfItsEndpoint(Api api) {
        for (boolean streaming : api.stream == null ? new boolean[] {false} : new boolean[] {false, true}) {
            does((connection, stream) -> connection.reset(stream, 2));
            String request = newRequest(streaming);
            assertOwnError(api, fetch(api, request), 502, "try again");
            assertNothingIsLeft(api, request, streaming);
        }
    }

    /** Ways in which an answer breaks off after it has begun. */
    static Stream<Arguments> cuts() {
        return Stream.of(
                fault("the connection is closed", (connection, stream) -> {
                    throw new HangUp();
                }),
                fault("the connection is reset", (connection, stream) -> {
                    connection.breakOff();
                    throw new HangUp();
                }),
                fault("the stream is reset", (connection, stream) -> connection.reset(stream, 2)),
                fault("the stream is refused", (connection, stream) -> connection.reset(stream, REFUSED_STREAM)),
                fault("a GOAWAY, and the end", (connection, stream) -> {
                    connection.goAway(stream, 2);
                    throw new HangUp();
                }),
                fault("a GOAWAY that denies it", (connection, stream) -> connection.goAway(0, 0)),
                fault("shorter than its length", (connection, stream) -> connection.data(stream, true, "")),
                fault("longer than its length", (connection, stream) -> connection.data(stream, true, "x".repeat(99))),
                fault("a second head", (connection, stream) -> connection.headers(stream, false, ":status", "200")),
                fault(
                        "a status in the trailers",
                        (connection, stream) -> connection.headers(stream, true, ":status", "200")),
                fault("a broken frame", (connection, stream) -> connection.write(HEADERS, END_HEADERS, 0)));
    }

    /** The client gets the bytes that came, and no client gets them as a whole answer. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("cuts")
    void w16_aCutAnswerIsPassedOnCutAndNotStored(String name, Fault cut) {
        for (boolean streaming : new boolean[] {false, true}) {
            String body = streaming ? "data: {\"id\":\"c1\"}\n\ndata: [DONE]\n" : "{\"id\":\"c1\"}";
            CountDownLatch passedOn = new CountDownLatch(1);
            does((connection, stream) -> {
                connection.headers(
                        stream,
                        false,
                        ":status",
                        "200",
                        "content-type",
                        streaming ? "text/event-stream" : JSON,
                        "content-length",
                        Integer.toString(body.length() + 20));
                connection.data(stream, false, body);
                passedOn.await();
                cut.answer(connection, stream);
            });
            String request = newRequest(streaming);
            int before = calls();
            Received answer = fetch(cached(Api.CHAT, request), body.length(), passedOn::countDown);
            assertThat(answer.status()).isEqualTo(200);
            assertThat(answer.body()).isEqualTo(body);
            assertThat(answer.cut()).isTrue();
            assertThat(calls()).isEqualTo(before + 1);
            assertNothingIsLeft(Api.CHAT, request, streaming);
        }
    }

    /**
     * The provider says that it has not processed the request. So the call is repeated, and the client sees no error.
     */
    @Test
    void aCallThatWasRefusedIsMadeAgain() {
        int before = calls();
        does((connection, stream) -> {
            beWell(Api.CHAT, false);
            connection.reset(stream, REFUSED_STREAM);
        });
        assertThat(fetch(Api.CHAT, newRequest(false)).status()).isEqualTo(200);
        does((connection, stream) -> {
            beWell(Api.CHAT, false);
            connection.goAway(0, 0);
            throw new HangUp();
        });
        assertThat(fetch(Api.CHAT, newRequest(false)).status()).isEqualTo(200);
        assertThat(calls()).isEqualTo(before + 4);
    }

    /** After an early answer, the rest of the request is useless. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void w23_anAnswerMayComeBeforeTheRequestIsRead(boolean isReset) {
        does((connection, stream) -> {
            connection.headers(stream, false, ":status", "413", "content-type", JSON, "content-length", "2");
            connection.data(stream, true, "{}");
            if (isReset) {
                connection.reset(stream, 0);
            }
        });
        Received answer = fetch(Api.CHAT, "{\"x\":\"" + "y".repeat(7_000_000) + "\"}");
        assertThat(answer.status()).isEqualTo(413);
        assertThat(answer.body()).isEqualTo("{}");
        assertNothingIsLeft(Api.CHAT, newRequest(false), false);
    }
}
