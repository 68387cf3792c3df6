package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.http.proxy.RawProvider.Script;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Providers that break off, and answers that are not HTTP (wire rules W16, W23 and W31). */
class BrokenProviderWireTest extends ProviderFaults {
    private static final String CHUNKED = "Transfer-Encoding: chunked";
    private static final String JSON = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

    private static Arguments raw(String name, String answer) {
        return Arguments.of(name, (Script) call -> call.write(answer));
    }

    /** Like {@link #raw}, but the connection stays open, so that only the bytes show the fault. */
    private static Arguments held(String name, String answer) {
        return Arguments.of(name, (Script) call -> call.write(answer).awaitHangUp());
    }

    static Stream<Arguments> noAnswer() {
        return Stream.of(
                Arguments.of("reset", (Script) RawProvider.Call::reset),
                raw("closed without a byte", ""),
                raw("half a status line", "HTTP/1."),
                raw("half a head", "HTTP/1.1 200 OK\r\nContent-Type: appl"),
                raw("reset in the head", "HTTP/1.1 200 OK\r\nConten"),
                held("no status line", "HELLO WORLD\r\n\r\n"),
                held("HTTP/0.9", "{\"id\":\"x\"}\r\n\r\n"),
                held("HTTP/2.0 in plain text", "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
                held("a status that is no number", "HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\n{}"),
                held("status 99", "HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\n{}"),
                held("a status without being asked to switch", "HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n"),
                held("an empty line first", "\r\n" + JSON + "Content-Length: 2\r\n\r\n{}"),
                held("a space in a field name", JSON + "Bad Name: x\r\nContent-Length: 2\r\n\r\n{}"),
                held("a line without a colon", JSON + "no colon here\r\nContent-Length: 2\r\n\r\n{}"),
                held("a blank ahead of the first field", "HTTP/1.1 200 OK\r\n X: 1\r\nContent-Length: 2\r\n\r\n{}"),
                held("HTTP/1.0 in chunks", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                held("a zero byte in a field value", JSON + "X-Zero: a\0b\r\nContent-Length: 2\r\n\r\n{}"),
                held("a control character", JSON + "X-Bell: a\u0007b\r\nContent-Length: 2\r\n\r\n{}"),
                held("a head of a mebibyte", JSON + "X-Long: " + "x".repeat(1 << 20) + "\r\n\r\n"),
                held("a length that is no number", JSON + "Content-Length: abc\r\n\r\n{}"),
                held("an empty length", JSON + "Content-Length: \r\n\r\n{}"),
                held("a length below zero", JSON + "Content-Length: -5\r\n\r\n{}"),
                held("a length with a sign", JSON + "Content-Length: +2\r\n\r\n{}"),
                held("a length beyond a long", JSON + "Content-Length: 99999999999999999999\r\n\r\n{}"),
                held("two lengths", JSON + "Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}   "),
                held("two lengths in one", JSON + "Content-Length: 2, 5\r\n\r\n{}   "),
                held(
                        "a length and chunks",
                        JSON + "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
                held(
                        "a coding that nobody asked for",
                        JSON + "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
                held(
                        "chunked twice",
                        JSON + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                held("a body with 204", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("noAnswer")
    void w31_aMalformedAnswerIs502(String name, Script fault) {
        for (boolean streaming : new boolean[] {false, true}) {
            provider.does(fault);
            String request = newRequest(streaming);
            assertOwnError(Api.CHAT, fetch(Api.CHAT, request), 502, "upstream provider");
            assertNothingIsLeft(Api.CHAT, request, streaming);
        }
    }

    @ParameterizedTest
    @EnumSource(Api.class)
    void w31_theErrorHasTheShapeOfItsEndpoint(Api api) {
        for (boolean streaming : api.stream == null ? new boolean[] {false} : new boolean[] {false, true}) {
            provider.does(RawProvider.Call::reset);
            String request = newRequest(streaming);
            assertOwnError(api, fetch(api, request), 502, "try again");
            assertNothingIsLeft(api, request, streaming);
        }
    }

    @Test
    void w31_aProviderThatRefusesConnectionsIs502() throws IOException {
        String request = newRequest(false);
        provider.refuse();
        try {
            assertOwnError(Api.MESSAGES, fetch(Api.MESSAGES, request), 502, "could not be reached");
        } finally {
            provider.recover();
        }
        assertNothingIsLeft(Api.MESSAGES, request, false);
    }

    /** A body's first bytes, which the client gets, and what the provider does instead of sending the rest. */
    static Stream<Arguments> cutAnswers() {
        String part = "{\"id\":\"c1\",";
        String whole = "{\"id\":\"c1\"}";
        String event = "data: {\"id\":\"c1\"}\n\n";
        return Stream.of(
                Arguments.of("short of its length", false, "Content-Length: 99", part, ""),
                Arguments.of("whole, but short of its length", false, "Content-Length: 12", whole, ""),
                Arguments.of("no last chunk", false, CHUNKED, whole, "\r\n"),
                Arguments.of("half a last chunk", false, CHUNKED, whole, "\r\n0\r\n"),
                Arguments.of("half a chunk", false, CHUNKED, part, "\r\nff\r\n"),
                Arguments.of("no chunk size", false, CHUNKED, whole, "\r\nzz\r\n"),
                Arguments.of("a chunk size below zero", false, CHUNKED, whole, "\r\n-1\r\n"),
                Arguments.of("a chunk size of 17 digits", false, CHUNKED, whole, "\r\nfffffffffffffffff\r\n"),
                Arguments.of("a chunk longer than it says", false, CHUNKED, part, "!!!\r\n0\r\n\r\n"),
                Arguments.of("a stream short of its length", true, "Content-Length: 99", event, ""),
                Arguments.of("a stream without last chunk", true, CHUNKED, event, "\r\n"),
                Arguments.of("a stream cut in an event", true, CHUNKED, event + "data: {", "\r\n"),
                Arguments.of("a stream cut in its terminal event", true, CHUNKED, event + "data: [DONE]\n", "\r\n"));
    }

    /** A client gets what the provider sent before it broke off, even if it reads later. */
    @ParameterizedTest
    @ValueSource(strings = {CHUNKED, "Content-Length: 900000"})
    void aCutAnswerIsDeliveredAsFarAsItCame(String framing) throws IOException {
        String event = "data: {\"id\":\"c1\",\"text\":\"" + "x".repeat(200_000) + "\"}\n\n";
        provider.does(call -> call.write(head("200 OK", "Content-Type: text/event-stream", framing))
                .write((framing.equals(CHUNKED) ? "fffff\r\n" : "") + event));
        String request = newRequest(true);
        try (RawClient client = RawClient.slow(proxy.port())) {
            client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\n"
                    + "X-OpenRouter-Cache: true\r\nContent-Length: " + request.length() + "\r\n\r\n" + request);
            assertThat(client.readHead()).startsWith("HTTP/1.1 200");
            until(() -> proxy.callsInFlight() == 0);
            String body = client.readToTheEnd();
            assertThat(body).doesNotContain("\r\n0\r\n");
            assertThat(body.replaceAll("\r\n|\\(reset\\)", "").chars().filter(c -> c == 'x'))
                    .hasSize(200_001);
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cutAnswers")
    void w16_aCutAnswerIsPassedOnCutAndNotStored(
            String name, boolean streaming, String framing, String body, String tail) {
        for (boolean reset : new boolean[] {false, true}) {
            CountDownLatch passedOn = new CountDownLatch(1);
            provider.does(call -> {
                String type = streaming ? "text/event-stream" : "application/json";
                call.write(head("200 OK", "Content-Type: " + type, framing));
                call.write((framing.equals(CHUNKED) ? Integer.toHexString(body.length()) + "\r\n" : "") + body);
                passedOn.await();
                call.write(tail);
                if (reset) {
                    call.reset();
                }
            });
            String request = newRequest(streaming);
            Received cut = fetch(cached(Api.CHAT, request), body.length(), passedOn::countDown);
            assertThat(cut.status()).isEqualTo(200);
            assertThat(cut.body()).isEqualTo(body);
            assertThat(cut.cut()).isTrue();
            assertNothingIsLeft(Api.CHAT, request, streaming);
        }
    }
}
