package dev.refrain.engine.internal.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.template.AnswerCapture.State;
import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The outcome of capturing event streams. Long, since most of it is the streams of the providers. */
class StreamCaptureTest {
    private static final String OPENROUTER_CHAT = """
            data: {"id":"<<id|gen-1749054545-cL0Zm2MxUcRkbGUYUEdO>>","provider":"OpenAI",\
            "object":"chat.completion.chunk","created":<<time|1749054545>>,"choices":[{"index":0,\
            "delta":{"role":"assistant","content":""},"finish_reason":null}]}

            data: {"id":"<<id|gen-1749054545-cL0Zm2MxUcRkbGUYUEdO>>","created":<<time|1749054545>>,\
            "choices":[{"index":0,"delta":{"content":"\\"id\\":\\"gen-1\\" 你好"}}]}

            data: {"id":"<<id|gen-1749054545-cL0Zm2MxUcRkbGUYUEdO>>","created":<<time|1749054545>>,\
            "choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","created":1,"type":"function",\
            "function":{"name":"f","arguments":"{\\"id\\":\\"x\\",\\"usage\\":{\\"n\\":1}}"}}]},\
            "finish_reason":"tool_calls"}],"error":null}

            data: {"id":"<<id|gen-1749054545-cL0Zm2MxUcRkbGUYUEdO>>","created":<<time|1749054545>>,"choices":[],\
            "usage":{"prompt_tokens":<<0|9>>,"completion_tokens":<<0|120>>,"total_tokens":<<0|129>>,\
            "cost":<<0|1.5e-4>>,"cost_details":{"upstream_inference_cost":null}}}

            data: [DONE]

            """;

    private static final String OPENROUTER_RESPONSES = """
            event: response.created
            data: {"type":"response.created","sequence_number":0,"response":{"id":"<<id|resp_1>>","object":"response",\
            "created_at":<<time|1741476542>>,"completed_at":null,"status":"in_progress","error":null,"usage":null,\
            "output":[]}}

            event: response.output_item.added
            data: {"type":"response.output_item.added","sequence_number":1,"id":"top","created_at":2,"usage":{"n":2},\
            "item":{"id":"msg_1","type":"message","created_at":3,"usage":{"n":3}}}

            event: response.output_text.delta
            data: {"type":"response.output_text.delta","item_id":"msg_1",\
            "delta":"{\\"response\\":{\\"id\\":\\"resp_1\\"}}","response":"none"}

            event: response.completed
            data: {"response":{"id":"<<id|resp_1>>","created_at":<<time|1741476542>>,\
            "completed_at":<<time|1741476599>>,"status":"completed","error":null,"output":[{"id":"msg_1",\
            "status":"completed"}],"usage":{"input_tokens":<<0|37>>,"output_tokens":<<0|11>>,\
            "output_tokens_details":{"reasoning_tokens":<<0|0>>},"total_tokens":<<0|48>>},"response":{"id":"inner"}},\
            "type":"response.completed"}

            data: [DONE]

            """;

    private static final String ANTHROPIC_MESSAGES = """
            event: message_start
            data: {"message":{"id":"<<id|msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyY>>","type":"message","role":"assistant",\
            "content":[],"stop_reason":null,"usage":{"input_tokens":<<0|25>>,\
            "cache_creation":{"ephemeral_5m_input_tokens":<<0|3>>},"output_tokens":<<0|1>>}},"usage":{"n":1},\
            "id":"top","type":"message_start"}

            event: content_block_start
            data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"f",\
            "input":{}},"usage":{"n":5},"message":{"id":"x","usage":{"n":6}}}

            event: ping
            data: {"type": "ping"}

            event: content_block_delta
            data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta",\
            "partial_json":"{\\"id\\":\\"x\\",\\"usage\\":{\\"n\\":1}}"}}

            event: message_delta
            data: {"usage":{"output_tokens":<<0|15>>,"server_tool_use":{"web_search_requests":<<0|1>>}},\
            "type":"message_delta","delta":{"stop_reason":"tool_use","usage":{"n":1}},"message":{"id":"x",\
            "usage":{"n":6}}}

            event: message_stop
            data: {"type":"message_stop"}

            """;

    static Stream<Arguments> streams() {
        return Stream.of(
                Arguments.of(Endpoint.CHAT, OPENROUTER_CHAT, 129),
                Arguments.of(Endpoint.RESPONSES, OPENROUTER_RESPONSES, 48),
                Arguments.of(Endpoint.MESSAGES, ANTHROPIC_MESSAGES, 40));
    }

    @ParameterizedTest
    @MethodSource("streams")
    void providersStreams(Endpoint endpoint, String marked, long tokens) {
        Template template = Sample.of(marked).check(endpoint, true);
        assertThat(template.facts().tokensOrNone()).isEqualTo(tokens);
        assertThat(template.facts().id()).isNull();
    }

    @ParameterizedTest
    @MethodSource("streams")
    void lineEndsAreKept(Endpoint endpoint, String marked, long tokens) {
        Sample.of(marked.replace("\n", "\r\n")).check(endpoint, true);
        Sample.of(marked.replace("\n", "\r")).check(endpoint, true);
        Sample.of(marked.replace("}\n\n", "}\r\n\r")).check(endpoint, true);
        Sample.of(marked.replace("}\n\n", "}\n\r\n")).check(endpoint, true);
    }

    @Test
    void aCommentBetweenCarriageReturnAndLineFeedKeepsThemTwoLineEnds() {
        String sent = "data: {\"n\":1}\r: comment\n\n" + Sample.ending(Endpoint.CHAT);
        assertThat(Sample.replay(Sample.captureWhole(Endpoint.CHAT, true, sent)))
                .isEqualTo("data: {\"n\":1}\r\n\n" + Sample.ending(Endpoint.CHAT));
    }

    /** Comments, BOM, blank lines, other fields and several data lines, with each kind of line end. */
    static Stream<Arguments> crookedStreams() {
        String crooked = """
                \ufeffretry: 10

                : OPENROUTER PROCESSING
                :

                data:{"id":
                : between
                data: "<<id|x>>", "created"
                data
                data:: <<time|12>>,
                foo: bar
                data
                data: "usage":{"a":[
                id: 7
                data:  <<0|1>>
                data:,<<0|22>>]
                data:}}

                event: only
                data

                data: not JSON, "id": "x"



                data: ["id"]

                data: {"choices":[{"finish_reason":"stop"}]}

                data: [DONE]

                : trailing

                data: {"id":"<<id|after>>"}

                :""";
        return Stream.of("\n", "\r\n", "\r").map(lineEnd -> Arguments.of(crooked.replace("\n", lineEnd)));
    }

    @ParameterizedTest
    @MethodSource("crookedStreams")
    void everythingButCommentsIsKept(String marked) {
        Sample sample = Sample.of(marked);
        String kept = sample.hit()
                .replaceAll("(?<=[\r\n]):[^\r\n]*(\r\n|\r|\n|$)", "")
                .replaceAll("(?<=(\r\n){2}|(?<!\r)\n{2}|\r{2})(\r\n|\n|\r)+", "");

        assertThat(Sample.replay(Sample.captureWhole(Endpoint.CHAT, true, sample.original())))
                .isEqualTo(kept)
                .contains("event: only", "foo: bar", "retry: 10");
    }

    @ParameterizedTest
    @MethodSource("crookedStreams")
    void crookedStreamsGiveTheSameTemplateHoweverTheyAreSplit(String marked) {
        checkSplits(Endpoint.CHAT, Sample.of(marked).original());
    }

    @ParameterizedTest
    @MethodSource("streams")
    void streamsGiveTheSameTemplateHoweverTheyAreSplit(Endpoint endpoint, String marked, long tokens) {
        checkSplits(endpoint, Sample.of(marked).original());
        checkSplits(endpoint, Sample.of(marked).original().replace("\n", "\r\n"));
    }

    private static void checkSplits(Endpoint endpoint, String stream) {
        byte[] bytes = stream.getBytes(StandardCharsets.UTF_8);
        Template whole = Sample.captureWhole(endpoint, true, stream);
        for (int split = 0; split <= bytes.length; split++) {
            AnswerCapture capture = AnswerCapture.of(endpoint, true, Sample.LIMIT, Sample.ZERO, Sample.unlimited());
            capture.append(ByteBuffer.wrap(bytes, 0, split));
            capture.append(ByteBuffer.wrap(bytes, split, bytes.length - split));
            assertSame(capture, whole);
        }
        AnswerCapture byteByByte = AnswerCapture.of(endpoint, true, Sample.LIMIT, Sample.ZERO, Sample.unlimited());
        for (int i = 0; i < bytes.length; i++) {
            byteByByte.append(ByteBuffer.wrap(bytes, i, 1));
        }
        assertSame(byteByByte, whole);
    }

    private static void assertSame(AnswerCapture capture, Template expected) {
        assertThat(capture.end()).as(capture.rejection()).isEqualTo(State.COMPLETE);
        Template template = capture.template();
        assertThat(Arrays.copyOf(template.bytes(), template.length()))
                .isEqualTo(Arrays.copyOf(expected.bytes(), expected.length()));
        assertThat(Arrays.copyOf(template.patches(), template.patchesLength()))
                .isEqualTo(Arrays.copyOf(expected.patches(), expected.patchesLength()));
        assertThat(template.patchCount()).isEqualTo(expected.patchCount());
        assertThat(template.facts().tokensOrNone()).isEqualTo(expected.facts().tokensOrNone());
    }

    @Test
    void aByteOrderMarkIsNoPartOfTheFirstLine() {
        String done = Sample.ending(Endpoint.CHAT);
        Sample.of("\ufeffdata: {\"id\":\"<<id|x>>\"}\n\n" + done).check(Endpoint.CHAT, true);
        Sample.of("\ufeff" + done).check(Endpoint.CHAT, true);
        for (String nothing : new String[] {"\ufeff: comment\n\n", "\ufeff\r\n"}) {
            assertThat(Sample.replay(Sample.captureWhole(Endpoint.CHAT, true, nothing + done)))
                    .isEqualTo(done);
        }
        assertThat(Sample.rejection(Endpoint.CHAT, true, "\ufeffevent: error\n\n" + done))
                .isEqualTo("error event");
        // Anywhere else the BOM makes the line another field.
        assertThat(Sample.rejection(Endpoint.CHAT, true, ":\n\ufeff" + done)).isEqualTo("no choice");
    }

    @Test
    void aStreamIsCompleteWithItsTerminalEventsBlankLine() {
        AnswerCapture capture = AnswerCapture.of(Endpoint.CHAT, true, Sample.LIMIT, Sample.ZERO, Sample.unlimited());
        assertThat(capture.append(Sample.utf8(
                        "data: {\"id\":\"a\",\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n")))
                .isEqualTo(State.OPEN);
        assertThatThrownBy(capture::template).isInstanceOf(IllegalStateException.class);
        assertThat(capture.append(Sample.utf8("\r"))).isEqualTo(State.COMPLETE);
        Template early = capture.template();
        assertThat(capture.append(Sample.utf8("\ndata: {\"id\":\"b\"}\n\n"))).isEqualTo(State.COMPLETE);
        assertThat(capture.end()).isEqualTo(State.COMPLETE);
        assertThat(capture.append(Sample.utf8("event: error\ndata: x\n\n"))).isEqualTo(State.COMPLETE);
        assertThat(capture.rejection()).isNull();

        assertThat(Sample.replay(early))
                .isEqualTo("data: {\"id\":\"" + Sample.ID
                        + "\",\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\r");
        assertThat(Sample.replay(capture.template()))
                .isEqualTo(Sample.replay(early) + "\ndata: {\"id\":\"" + Sample.ID + "\"}\n\n");
    }

    @ParameterizedTest
    @CsvSource({
        "CHAT, data: [DONE]",
        "CHAT, data:[DONE]",
        "CHAT, data:  [DONE] ",
        "RESPONSES, 'data: {\"type\":\"response.incomplete\",\"response\":{\"status\":\"incomplete\"}}'",
        "RESPONSES, 'data: {\"response\":{\"status\":\"completed\"},\"type\":\"response.completed\"}'",
        "MESSAGES, 'data: {\"type\":\"message_stop\"}'",
    })
    void aMissingBlankLineAtTheEndIsForgiven(Endpoint endpoint, String terminal) {
        for (String end : new String[] {"", "\n", "\r", "\r\n", "\n\n", "\n:"}) {
            String stream = Sample.FINISH + stopReason(endpoint) + terminal + end;
            assertThat(Sample.replay(Sample.captureWhole(endpoint, true, stream)))
                    .isEqualTo(end.equals("\n:") ? stream.substring(0, stream.length() - 1) : stream);
        }
    }

    private static String stopReason(Endpoint endpoint) {
        return endpoint == Endpoint.MESSAGES
                ? "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n"
                : "";
    }

    @ParameterizedTest
    @CsvSource({
        "CHAT, ''",
        "CHAT, 'data: {}\n\n'",
        "CHAT, ': data: [DONE]\n\n'",
        "CHAT, 'data: \"[DONE]\"\n\n'",
        "CHAT, 'Data: [DONE]\n\n'",
        "CHAT, 'data: [DONE]x\n\n'",
        "CHAT, 'data: [DON\n\n'",
        "CHAT, 'data: [DO\ndata: NE]\n\n'",
        "CHAT, 'event: [DONE]\n\n'",
        "CHAT, 'data: {\"type\":\"message_stop\"}\n\n'",
        "RESPONSES, 'data: [DONE]\n\n'",
        "RESPONSES, 'event: response.completed\ndata: {}\n\n'",
        "RESPONSES, 'data: {\"item\":{\"type\":\"response.completed\"}}\n\n'",
        "MESSAGES, 'data: [DONE]\n\n'",
        "MESSAGES, 'data: {\"type\":\"message_delta\"}\n\n'",
    })
    void aStreamWithoutItsTerminalEventIsRejected(Endpoint endpoint, String stream) {
        assertThat(Sample.rejection(endpoint, true, stream)).isEqualTo("no terminal event");
    }

    @ParameterizedTest
    @CsvSource({
        "CHAT, 'event: error\ndata: oops'",
        "CHAT, 'data: oops\nevent:error'",
        "CHAT, 'event: error'",
        "CHAT, 'data: {\"id\":\"x\",\"choices\":[],\"error\":{\"code\":502,\"message\":\"Provider disconnected\"}}'",
        "CHAT, 'data: {\"error\":\"x\",\"error\":null}'",
        "RESPONSES, 'data: {\"type\":\"error\",\"code\":\"server_error\"}'",
        "RESPONSES, 'data: {\"response\":{\"id\":\"x\"},\"type\":\"response.failed\"}'",
        "RESPONSES, 'data: {\"type\":\"response.error\"}'",
        "MESSAGES, 'event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}'",
        "MESSAGES, 'data: {\"type\":\n data:\ndata:\"error\"}'",
        "CHAT, 'error: {\"code\":500}'",
        "CHAT, 'error'",
        "RESPONSES, 'error:x\ndata: {}'",
        "MESSAGES, 'data: {\"type\":\"ping\"}\nerror: {}'",
        "RESPONSES, 'data: {\"type\":\"response.in_progress\",\"response\":{\"error\":{}}}'",
        "CHAT, 'data: {\"object\":\"error\",\"message\":\"no\"}'",
        "CHAT, '{\"id\":\"x\",\"choices\":[]}'",
        "RESPONSES, '{\n \"error\": \"boom\"\n}'",
        "CHAT, '[{\"error\":{\"code\":503}}]'",
        "MESSAGES, '<html><title>502</title></html>'",
        "CHAT, 'data: {}\n{\"error\":1}'",
    })
    void anErrorEventRejectsForGood(Endpoint endpoint, String error) {
        String terminal = Sample.ending(endpoint);
        assertThat(Sample.rejection(endpoint, true, error + "\n\n" + terminal)).isEqualTo("error event");
        assertThat(Sample.rejection(endpoint, true, terminal + error + "\n\n")).isEqualTo("error event");
        assertThat(Sample.rejection(endpoint, true, terminal + error)).isEqualTo("error event");
    }

    @Test
    void aFieldThatOnlyLooksLikeAnErrorIsNoError() {
        Sample.captureWhole(Endpoint.CHAT, true, """
                : event: error

                event: error
                event: message
                data: {"error":null,"choices":[{"error":null,"delta":{"content":"event: \
                error","error":{"x":1}},"finish_reason":"stop"}]}

                data: {"type":"error"}

                errors: {"x":1}

                data: [DONE]

                """);
        Sample.captureWhole(Endpoint.MESSAGES, true, """
                data: {"type":"content_block_start","content_block":{"type":"error","error":{}}}

                data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}

                data: {"type":"message_stop"}

                """);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "data: {",
                "data: {\"id\":\"x\"",
                "data: {\"id\":\"x\"}}",
                "data: {\"id\":\"x\"} {}",
                "data:   {id}",
                "data: {\"a\":\"b\ndata: c\"}",
                "data: {\"a\":1\ndata: 2}"
            })
    void brokenJsonIsRejected(String event) {
        for (Endpoint endpoint : new Endpoint[] {Endpoint.CHAT, Endpoint.RESPONSES, Endpoint.MESSAGES}) {
            assertThat(Sample.rejection(endpoint, true, event + "\n\n")).isEqualTo("not JSON");
        }
    }

    @Test
    void embeddingsNeverStream() {
        assertThat(Sample.rejection(Endpoint.EMBEDDINGS, true, "data: {}\n\ndata: [DONE]\n\n"))
                .isEqualTo("embeddings never stream");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\n", "\r\n"})
    void theLimitIsInclusiveAndCommentsAreFree(String lineEnd) {
        String comment = ": keep-alive\n\n";
        String event = "data: {\"id\":\"x\"}" + lineEnd + lineEnd;
        String stream = comment
                + event
                + comment
                + event
                + comment
                + Sample.ending(Endpoint.CHAT).replace("\n", lineEnd);
        int kept = stream.length() - 3 * comment.length();
        for (int chunk : new int[] {1, 7, stream.length()}) {
            assertThat(captureInChunks(stream, chunk, kept).end()).isEqualTo(State.COMPLETE);
            AnswerCapture over = captureInChunks(stream, chunk, kept - 1);
            assertThat(over.end()).isEqualTo(State.OVERSIZED);
            assertThat(over.rejection()).isEqualTo("over the stored-answer limit");
            assertThat(over.isTerminated()).isTrue();
        }
        assertThat(captureInChunks(stream, 1, 0).rejection()).isEqualTo("over the stored-answer limit");
    }

    private static AnswerCapture captureInChunks(String stream, int chunk, int limit) {
        byte[] bytes = stream.getBytes(StandardCharsets.UTF_8);
        AnswerCapture capture = AnswerCapture.of(Endpoint.CHAT, true, limit, Sample.ZERO, Sample.unlimited());
        for (int i = 0; i < bytes.length; i += chunk) {
            capture.append(ByteBuffer.wrap(bytes, i, Math.min(chunk, bytes.length - i)));
        }
        return capture;
    }

    @Test
    void tenMebibytesInOneEventTakeLinearTime() {
        // One line of base64, and a million short lines of data; both in chunks of 16 bytes.
        int length = 10 << 20;
        String oneLine = "data: {\"id\":\"x\",\"b\":\"" + "A".repeat(length) + "\"}\n\n";
        String manyLines = "data: {\"b\":[0\n" + "data:,1\n".repeat(length / 8) + "data:],\"id\":\"x\"}\n\n";
        for (String event : new String[] {oneLine, manyLines}) {
            byte[] bytes = (event + Sample.ending(Endpoint.CHAT)).getBytes(StandardCharsets.UTF_8);
            AnswerCapture capture = AnswerCapture.of(Endpoint.CHAT, true, 11 << 20, Sample.ZERO, Sample.unlimited());
            // Takes half a second; quadratic work would take hours.
            Assertions.assertTimeoutPreemptively(Duration.ofSeconds(20), () -> {
                for (int i = 0; i < bytes.length; i += 16) {
                    capture.append(ByteBuffer.wrap(bytes, i, Math.min(16, bytes.length - i)));
                }
            });
            assertThat(capture.end()).isEqualTo(State.COMPLETE);
            assertThat(capture.template().patchCount()).isEqualTo(1);
        }
    }

    @Test
    void garbageNeverThrows() {
        Random random = new Random(7);
        String[] words = {
            "data",
            "event",
            ":",
            " ",
            "\n",
            "\n\n",
            "\r",
            "\r\n",
            "{",
            "}",
            "\"id\"",
            "\"usage\":",
            "1",
            "[DONE]",
            "error",
            "{\"id\":\"x\"}",
            "\"type\"",
            "message_stop",
            "response",
            "\0",
            "\ufeff",
            "\\u0069",
            "\"",
            ",",
            "é",
            "data: "
        };
        Endpoint[] endpoints = Endpoint.values();
        for (int i = 0; i < 20_000; i++) {
            StringBuilder garbage = new StringBuilder();
            for (int j = random.nextInt(40); j > 0; j--) {
                garbage.append(words[random.nextInt(words.length)]);
            }
            byte[] bytes = garbage.toString().getBytes(StandardCharsets.UTF_8);
            if (random.nextInt(4) == 0) {
                random.nextBytes(bytes);
            }
            AnswerCapture capture = AnswerCapture.of(
                    endpoints[random.nextInt(4)],
                    random.nextBoolean(),
                    random.nextInt(300),
                    Sample.ZERO,
                    Sample.unlimited());
            int split = random.nextInt(bytes.length + 1);
            capture.append(ByteBuffer.wrap(bytes, 0, split));
            capture.append(ByteBuffer.wrap(bytes, split, bytes.length - split));
            assertThat(capture.end()).isNotEqualTo(State.OPEN);
            assertThat(capture.rejection() == null).isEqualTo(capture.end() == State.COMPLETE);
        }
    }

    /**
     * An event may have a data field every six bytes. Their offsets are kept, and count in the budget, like the event.
     */
    @Test
    void offsetsOfDataFieldsCountInTheMemoryBudget() {
        int lines = 200_000;
        byte[] event = ("data: {\n" + "data:\n".repeat(lines) + "data: \"x\":[\n" + "data:\n".repeat(lines)
                        + "data: ]}\n")
                .getBytes(StandardCharsets.UTF_8);
        MemoryBudget budget = new MemoryBudget(64 << 20);
        MemoryBudget.Reservation memory = budget.open();
        AnswerCapture capture = AnswerCapture.of(Endpoint.CHAT, true, 1 << 24, Sample.ZERO, memory);
        capture.append(ByteBuffer.wrap(event));
        // Two offsets of four bytes each.
        assertThat(memory.bytes()).isGreaterThan(event.length + 2L * lines * 8);
        assertThat(capture.append(ByteBuffer.wrap("\n".getBytes(StandardCharsets.UTF_8))))
                .isEqualTo(State.OPEN);
        assertThat(memory.bytes()).isLessThan(4L * event.length + 4L * 8192);
        capture.end();
        memory.close();
        assertThat(budget.usedBytes()).isZero();
    }

    /** If the offsets of an event and its copy do not fit in the budget, the capture ends. */
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 5, 6, 8, 10, 12})
    void withoutRoomForTheirOffsetsThereIsNoTemplate(int mib) {
        byte[] event =
                ("data: {\n" + "data:\n".repeat(200_000) + "data: \"x\":1}\n\n").getBytes(StandardCharsets.UTF_8);
        MemoryBudget budget = new MemoryBudget((long) mib << 20);
        MemoryBudget.Reservation memory = budget.open();
        AnswerCapture capture = AnswerCapture.counting(Endpoint.CHAT, true, memory);
        long most = 0;
        for (int at = 0; at < event.length; at += 1000) {
            capture.append(ByteBuffer.wrap(event, at, Math.min(1000, event.length - at)));
            most = Math.max(most, budget.usedBytes());
        }
        capture.end();
        assertThat(most).isLessThanOrEqualTo(budget.limitBytes());
        assertThat(memory.bytes()).isZero();
        assertThat(budget.refusals() > 0).isEqualTo(mib < 8);
    }
}
