package dev.refrain.engine.internal.template;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.template.AnswerCapture.State;
import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A provider's answer whose replaced fields are marked: {@code <<id|chatcmpl-1>>}, {@code <<time|1700000000>>}, {@code
 * <<0|42>>}.
 *
 * @param original as the provider sent it
 * @param hit as a hit must send it
 */
record Sample(String original, String hit) {
    static final int LIMIT = 1 << 20;
    static final ZeroPaths ZERO = new ZeroPaths(ZeroPaths.DEFAULTS);
    static final String ID = "gen-1790000000-AbCdEfGhIjKlMnOpQrSt";
    static final String TIME = "1790000000";

    /** Members that make a document complete on each endpoint. */
    static final String COMPLETE = ",\"error\":null,\"status\":\"completed\",\"stop_reason\":\"end_turn\","
            + "\"choices\":[{\"finish_reason\":\"stop\"}],\"data\":[{}]}";
    /** An event with which a chat's only choice finishes. */
    static final String FINISH = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

    private static final Pattern MARK = Pattern.compile("<<(id|time|0)\\|(.*?)>>");

    static Sample of(String marked) {
        StringBuilder original = new StringBuilder();
        StringBuilder hit = new StringBuilder();
        int copied = 0;
        Matcher mark = MARK.matcher(marked);
        while (mark.find()) {
            String between = marked.substring(copied, mark.start());
            copied = mark.end();
            original.append(between).append(mark.group(2));
            hit.append(between)
                    .append(
                            switch (mark.group(1)) {
                                case "id" -> ID;
                                case "time" -> TIME;
                                default -> "0";
                            });
        }
        String rest = marked.substring(copied);
        return new Sample(original.append(rest).toString(), hit.append(rest).toString());
    }

    /** Asserts that the sample becomes its hit, and returns the template. */
    Template check(Endpoint endpoint, boolean streaming) {
        Template template = captureWhole(endpoint, streaming, original);
        assertThat(replay(template)).isEqualTo(hit);
        return template;
    }

    /** A reservation that grants a capture as much memory as it wants. */
    static MemoryBudget.Reservation unlimited() {
        return new MemoryBudget(Long.MAX_VALUE).open();
    }

    static Template captureWhole(Endpoint endpoint, boolean streaming, String answer) {
        AnswerCapture capture = AnswerCapture.of(endpoint, streaming, LIMIT, ZERO, unlimited());
        capture.append(utf8(answer));
        assertThat(capture.end()).as(capture.rejection()).isEqualTo(State.COMPLETE);
        return capture.template();
    }

    /** The events that end a complete stream. */
    static String ending(Endpoint endpoint) {
        return switch (endpoint) {
            case CHAT -> FINISH + "data: [DONE]\n\n";
            case RESPONSES -> "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}\n\n";
            default ->
                "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n"
                        + "data: {\"type\":\"message_stop\"}\n\n";
        };
    }

    /** The reason for which the answer is rejected; fails if it is accepted. */
    static String rejection(Endpoint endpoint, boolean streaming, String answer) {
        AnswerCapture capture = AnswerCapture.of(endpoint, streaming, LIMIT, ZERO, unlimited());
        capture.append(utf8(answer));
        assertThat(capture.end()).isEqualTo(State.REJECTED);
        assertThat(capture.append(utf8(answer))).isEqualTo(State.REJECTED);
        return capture.rejection();
    }

    static String replay(Template template) {
        return new String(replayedBytes(template), StandardCharsets.UTF_8);
    }

    static byte[] replayedBytes(Template template) {
        byte[] body = Arrays.copyOf(template.bytes(), template.length());
        Template.patch(
                template.patches(),
                0,
                template.patchesLength(),
                template.patchCount(),
                body,
                0,
                body.length,
                ascii(ID),
                ascii(TIME));
        return body;
    }

    static ByteBuffer utf8(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
