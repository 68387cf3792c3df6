package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Event streams as providers may send them (WHATWG HTML, 9.2): a miss is passed on byte for byte (W23), stored or not
 * (W16), and a hit differs in ids, times and usage only (W25).
 */
class EventStreamWireTest extends ProviderFaults {
    private static final String A = "data: {\"id\":\"c1\",\"created\":7,\"n\":1}\n\n";
    private static final String USAGE =
            "data: {\"id\":\"c1\",\"usage\":{\"t\":9,\"d\":[{\"c\":1.5e3}],\"s\":\"9\",\"n\":null}}\n\n";
    private static final String FINISH = "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n";
    private static final String DONE = FINISH + "data: [DONE]\n\n";

    private static final Pattern TIME = Pattern.compile("(created|created_at)\":[0-9]{10}");

    /**
     * The replay of an answer whose ids are {@code c1}, {@code r1} or {@code m1}, with time 7 and the counts of usage.
     */
    private static String replayOf(String answer, String id) {
        return answer.replaceAll("\"[crm]1\"", "\"" + id + "\"")
                .replaceAll("(created|created_at)\":7", "$1\":NOW")
                .replace("\"usage\":{\"t\":9,\"d\":[{\"c\":1.5e3}]", "\"usage\":{\"t\":0,\"d\":[{\"c\":0}]")
                .replace("\"input_tokens\":3", "\"input_tokens\":0");
    }

    private void assertReplayed(Received hit, String answer) {
        assertThat(hit.header(WireTest.STATUS)).isEqualTo("HIT");
        assertThat(hit.cut()).isFalse();
        assertThat(TIME.matcher(hit.body()).replaceAll("$1\":NOW"))
                .isEqualTo(replayOf(answer, hit.header(WireTest.GENERATION)));
    }

    /** Arguments: name, what the provider sends, and the part of it that is stored, or null if nothing is stored. */
    static Stream<Arguments> streams() {
        String whole = A + USAGE + DONE;
        return Stream.of(
                Arguments.of("as it should be", whole, whole),
                Arguments.of("\\r\\n", whole.replace("\n", "\r\n"), whole.replace("\n", "\r\n")),
                Arguments.of("\\r", whole.replace("\n", "\r"), whole.replace("\n", "\r")),
                Arguments.of("mixed line ends", A.replace("\n\n", "\r\n\n") + DONE, A.replace("\n\n", "\r\n\n") + DONE),
                Arguments.of("byte order mark", "\ufeff" + whole, "\ufeff" + whole),
                Arguments.of(
                        "comments", ": hi\n\n" + A + ":\n\n: OPENROUTER PROCESSING\n\n" + DONE + ": bye\n\n", A + DONE),
                Arguments.of("a comment within an event", A.replace("data", ": hi\ndata") + DONE, A + DONE),
                Arguments.of("data in lines", A.replace(",", ",\ndata: ") + DONE, A.replace(",", ",\ndata: ") + DONE),
                Arguments.of("no space after the colon", whole.replace(": ", ":"), whole.replace(": ", ":")),
                Arguments.of(
                        "two spaces after the colon",
                        whole.replace("data: ", "data:  "),
                        whole.replace("data: ", "data:  ")),
                Arguments.of(
                        "a space after [DONE]", A + FINISH + "data: [DONE] \n\n", A + FINISH + "data: [DONE] \n\n"),
                Arguments.of("no blank line at the end", A + FINISH + "data: [DONE]\n", A + FINISH + "data: [DONE]\n"),
                Arguments.of("no line end at the end", A + FINISH + "data: [DONE]", A + FINISH + "data: [DONE]"),
                Arguments.of("blank lines", "\n\n" + A + "\n\n\n" + DONE + "\n", A + DONE),
                Arguments.of(
                        "other fields",
                        "id: 1\nretry: 10\n" + A + "event: ping\n\nid\n\nx: y\n\n" + DONE,
                        "id: 1\nretry: 10\n" + A + "event: ping\n\nid\n\nx: y\n\n" + DONE),
                Arguments.of(
                        "events that are no object",
                        A + "data: ping\n\ndata: [1]\n\ndata\n\n" + DONE,
                        A + "data: ping\n\ndata: [1]\n\ndata\n\n" + DONE),
                Arguments.of("a zero byte in a text", A + "data: a\0b\n\n" + DONE, A + "data: a\0b\n\n" + DONE),
                Arguments.of(
                        "a lone surrogate",
                        A + "data: {\"t\":\"\\ud800\"}\n\n" + DONE,
                        A + "data: {\"t\":\"\\ud800\"}\n\n" + DONE),
                Arguments.of("events after the last", A + DONE + A, A + DONE + A),
                Arguments.of("text after the last event", A + DONE + "bye", A + DONE + "bye"),
                Arguments.of("usage after the last event", A + DONE + USAGE, A + DONE + USAGE),
                Arguments.of("the last event twice", A + DONE + DONE, A + DONE + DONE),
                Arguments.of(
                        "ids twice",
                        "data: {\"id\":\"c1\",\"id\":\"c1\"}\n\n" + DONE,
                        "data: {\"id\":\"c1\",\"id\":\"c1\"}\n\n" + DONE),
                Arguments.of(
                        "no id",
                        "data: {\"id\":null}\n\ndata: {}\n\n" + DONE,
                        "data: {\"id\":null}\n\ndata: {}\n\n" + DONE),
                Arguments.of("usage null", "data: {\"usage\":null}\n\n" + DONE, "data: {\"usage\":null}\n\n" + DONE),
                Arguments.of(
                        "usage a text", "data: {\"usage\":\"9\"}\n\n" + DONE, "data: {\"usage\":\"9\"}\n\n" + DONE),
                Arguments.of("the last event only", DONE, DONE),
                Arguments.of("nothing", "", null),
                Arguments.of("comments only", ": hi\n\n", null),
                Arguments.of("no last event", A + USAGE, null),
                Arguments.of("the last event in a comment", A + ":" + DONE, null),
                Arguments.of("[DONE] as JSON", A + "data: \"[DONE]\"\n\n", null),
                Arguments.of("[DONE] alone", "data: [DONE]\n\n", null),
                Arguments.of("no choice", A + "data: {\"choices\":[]}\n\ndata: [DONE]\n\n", null),
                Arguments.of(
                        "a choice that has not finished",
                        FINISH + "data: {\"choices\":[{\"index\":1,\"finish_reason\":null}]}\n\ndata: [DONE]\n\n",
                        null),
                Arguments.of("a choice that opens anew", DONE + "data: {\"choices\":[{\"index\":1}]}\n\n", null),
                Arguments.of("an error in a choice", FINISH + "data: {\"choices\":[{\"error\":{}}]}\n\n" + DONE, null),
                Arguments.of(
                        "finished by an error", "data: {\"choices\":[{\"finish_reason\":\"error\"}]}\n\n" + DONE, null),
                Arguments.of("a field named error", A + "error: {\"code\":500}\n\n" + DONE, null),
                Arguments.of("another endpoint's last event", A + "data: {\"type\":\"message_stop\"}\n\n", null),
                Arguments.of("an error event", A + "event: error\ndata: {\"message\":\"no\"}\n\n" + DONE, null),
                Arguments.of("an error object", A + "data: {\"error\":{\"code\":502}}\n\n" + DONE, null),
                Arguments.of("an error after the last event", A + DONE + "data: {\"error\":{\"code\":502}}\n\n", null),
                Arguments.of("broken JSON", A + "data: {\"id\":\n\n" + DONE, null),
                Arguments.of("not a number", A + "data: {\"usage\":{\"t\":NaN}}\n\n" + DONE, null),
                Arguments.of("invalid UTF-8", A + "data: {\"t\":\"\u00ff\"}\n\n" + DONE, null));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("streams")
    void w16_aStreamIsPassedOnAsItIsAndStoredIfComplete(String name, String sent, String stored) {
        // One stream has a byte that is invalid in UTF-8.
        byte[] bytes =
                sent.getBytes(name.equals("invalid UTF-8") ? StandardCharsets.ISO_8859_1 : StandardCharsets.UTF_8);
        for (String framing :
                new String[] {"Content-Length: " + bytes.length, "Connection: close", "Transfer-Encoding: chunked"}) {
            provider.does(call -> {
                call.write(head("200 OK", "Content-Type: text/event-stream; charset=utf-8", framing));
                if (framing.endsWith("chunked")) {
                    call.write(bytes.length == 0 ? "" : Integer.toHexString(bytes.length) + "\r\n")
                            .write(bytes)
                            .write(bytes.length == 0 ? "0\r\n\r\n" : "\r\n0\r\n\r\n");
                } else {
                    call.write(bytes);
                }
            });
            String request = newRequest(true);
            Received miss = fetch(Api.CHAT, request);
            assertThat(miss.bytes()).isEqualTo(new String(bytes, StandardCharsets.ISO_8859_1));
            assertThat(miss.cut()).isFalse();
            assertThat(miss.header("Content-Type")).isEqualTo("text/event-stream; charset=utf-8");
            Received second = fetch(Api.CHAT, request);
            assertThat(second.header("Content-Type")).isEqualTo("text/event-stream; charset=utf-8");
            if (stored == null) {
                assertThat(second.header(WireTest.STATUS)).isEqualTo("MISS");
                assertThat(second.bytes()).isEqualTo(miss.bytes());
            } else {
                assertReplayed(second, stored);
            }
        }
    }

    /**
     * F10: Perplexity, Cerebras and GPUStack send such streams. The end of a connection does not show whether something
     * is missing.
     */
    @ParameterizedTest
    @CsvSource({"Content-Length, true", "Transfer-Encoding: chunked, true", "Connection: close, false"})
    void w16_f10_aChatStreamMayLackDoneIfItsMessageEndsProperly(String framing, boolean stored) {
        String events = A + FINISH + USAGE;
        provider.does(call -> {
            boolean chunked = framing.endsWith("chunked");
            int length = events.getBytes(StandardCharsets.UTF_8).length;
            call.write(head(
                    "200 OK",
                    "Content-Type: text/event-stream",
                    framing.equals("Content-Length") ? framing + ": " + length : framing));
            call.write(chunked ? Integer.toHexString(length) + "\r\n" : "")
                    .write(events)
                    .write(chunked ? "\r\n0\r\n\r\n" : "");
        });
        String request = newRequest(true);
        assertThat(fetch(Api.CHAT, request).body()).isEqualTo(events);
        Received second = fetch(Api.CHAT, request);
        if (stored) {
            assertReplayed(second, events);
        } else {
            assertThat(second.header(WireTest.STATUS)).isEqualTo("MISS");
        }
    }

    @ParameterizedTest
    @EnumSource(value = Api.class, mode = EnumSource.Mode.EXCLUDE, names = "EMBEDDINGS")
    void w23_aStreamMayBeSplitAtEveryByte(Api api) {
        byte[] stream = (": hi\n\n" + api.stream.replace("\n\n", "\r\n\r\n")).getBytes(StandardCharsets.UTF_8);
        String stored = api.stream.replace("\n\n", "\r\n\r\n");
        for (int i = 1; i < stream.length; i++) {
            int split = i;
            CountDownLatch seen = new CountDownLatch(1);
            provider.does(call -> {
                call.write(head("200 OK", "Content-Type: text/event-stream", "Connection: close"))
                        .write(Arrays.copyOf(stream, split));
                seen.await();
                call.write(Arrays.copyOfRange(stream, split, stream.length));
            });
            String request = newRequest(true);
            // The second part is sent only once the first has come through, so nothing joins the parts.
            Received miss = fetch(cached(api, request), split, seen::countDown);
            assertThat(miss.body()).isEqualTo(new String(stream, StandardCharsets.UTF_8));
            assertReplayed(fetch(api, request), stored);
        }
    }

    @ParameterizedTest
    @EnumSource(value = Api.class, mode = EnumSource.Mode.EXCLUDE, names = "EMBEDDINGS")
    void w23_aStreamMayDripByteByByte(Api api) {
        provider.does(call -> {
            call.write(head("200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked"));
            for (byte b : api.stream.getBytes(StandardCharsets.UTF_8)) {
                call.write("1\r\n").write(new byte[] {b}).write("\r\n");
            }
            call.write("0\r\n\r\n");
        });
        String request = newRequest(true);
        assertThat(fetch(api, request).body()).isEqualTo(api.stream);
        assertReplayed(fetch(api, request), api.stream);
    }

    @Test
    void w23_anEventMayHaveTenMebibytes() {
        String event = "data: {\"id\":\"c1\",\"b64\":\"" + "QUJD".repeat(10 << 18) + "\"}\n\n";
        String stream = event + DONE;
        provider.does(answers("text/event-stream", stream));
        String request = newRequest(true);
        assertThat(fetch(Api.CHAT, request).body().equals(stream)).isTrue();
        Received hit = fetch(Api.CHAT, request);
        assertThat(hit.header(WireTest.STATUS)).isEqualTo("HIT");
        assertThat(hit.body().equals(replayOf(stream, hit.header(WireTest.GENERATION))))
                .isTrue();
    }

    /** A reader needs nothing after the last event, so it does not matter how the connection ends. */
    @ParameterizedTest
    @EnumSource(value = Api.class, mode = EnumSource.Mode.EXCLUDE, names = "EMBEDDINGS")
    void w16_aStreamThatIsCutAfterItsLastEventIsStored(Api api) {
        provider.does(
                call -> call.write(head("200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked"))
                        .write("fff\r\n")
                        .write(api.stream.getBytes(StandardCharsets.UTF_8)));
        String request = newRequest(true);
        Received miss = fetch(api, request);
        assertThat(miss.body()).isEqualTo(api.stream);
        assertThat(miss.cut()).isTrue();
        assertReplayed(fetch(api, request), api.stream);
    }

    static Stream<Arguments> wrongKinds() {
        return Stream.of(
                Arguments.of("a document for a stream", true, "application/json", Api.CHAT.document),
                Arguments.of("a document called a stream", true, "text/event-stream", Api.CHAT.document),
                Arguments.of("a stream called a document", true, "application/json", Api.CHAT.stream),
                Arguments.of("a stream for a document", false, "text/event-stream", Api.CHAT.stream),
                Arguments.of("a stream for a document, called one", false, "application/json", Api.CHAT.stream));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("wrongKinds")
    void w16_anAnswerOfTheWrongKindIsPassedOnAndNotStored(String name, boolean streaming, String type, String body) {
        provider.does(answers(type, body));
        String request = newRequest(streaming);
        for (int i = 0; i < 2; i++) {
            Received answer = fetch(Api.CHAT, request);
            assertThat(answer.body()).isEqualTo(body);
            assertThat(answer.header("Content-Type")).isEqualTo(type);
            assertThat(answer.header(WireTest.STATUS)).isEqualTo("MISS");
        }
    }

    @ParameterizedTest
    @MethodSource("otherTypes")
    void w16_aStreamIsRecognisedByItsContentIfItsTypeIsMissing(String field, String type) {
        provider.does(
                call -> call.write(head("200 OK", field, "Connection: close")).write(A + DONE));
        String request = newRequest(true);
        assertThat(fetch(Api.CHAT, request).body()).isEqualTo(A + DONE);
        Received hit = fetch(Api.CHAT, request);
        assertReplayed(hit, A + DONE);
        assertThat(hit.header("Content-Type")).isEqualTo(type);
    }

    static Stream<Arguments> otherTypes() {
        return Stream.of(
                Arguments.of("Content-Type: text/plain", "text/plain"),
                Arguments.of("Content-Type: TEXT/Event-Stream; charset=latin1", "TEXT/Event-Stream; charset=latin1"),
                Arguments.of("Content-Type: application/octet-stream", "application/octet-stream"),
                Arguments.of("X-None: 1", null));
    }
}
