package dev.refrain.http.demo;

import java.util.ArrayList;
import java.util.List;

/** Anthropic Messages: https://docs.anthropic.com/en/api/messages and /messages-streaming. */
final class MessagesFormat implements DemoFormat {
    @Override
    public String input() {
        return "messages";
    }

    @Override
    public DemoAnswer answer(DemoRequest request) {
        List<String> tokens = DemoText.tokens(request);
        String id = Json.freshId("msg_01", 22);
        String model = Json.quote(request.model());
        if (!request.streaming()) {
            String content = "[{\"type\":\"text\",\"text\":" + Json.quote(String.join("", tokens)) + "}]";
            return DemoAnswer.body(message(id, model, content, "\"end_turn\"", usage(request, tokens.size())));
        }
        List<String> pieces = new ArrayList<>();
        pieces.add(event("message_start", "\"message\":" + message(id, model, "[]", "null", usage(request, 1)))
                + event("content_block_start", "\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
                + Json.event("ping", "{\"type\":\"ping\"}"));
        tokens.forEach(token -> pieces.add(event(
                "content_block_delta",
                "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":" + Json.quote(token) + "}")));
        pieces.add(event("content_block_stop", "\"index\":0")
                + event("message_delta", """
                        "delta":{"stop_reason":"end_turn","stop_sequence":null,"stop_details":null},\
                        "usage":{"input_tokens":%d,\
                        "cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":%d}\
                        """.formatted(request.inputTokens(), tokens.size()))
                + Json.event("message_stop", "{\"type\":\"message_stop\"}"));
        return DemoAnswer.stream(pieces);
    }

    private static String message(String id, String model, String content, String stopReason, String usage) {
        return """
                {"model":%s,"id":%s,"type":"message","role":"assistant","content":%s,"stop_reason":%s,\
                "stop_sequence":null,\
                "stop_details":null,"usage":%s}\
                """.formatted(model, id, content, stopReason, usage);
    }

    private static String usage(DemoRequest request, int outputTokens) {
        return """
                {"input_tokens":%d,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,\
                "cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},\
                "output_tokens":%d,"service_tier":"standard"}\
                """.formatted(request.inputTokens(), outputTokens);
    }

    private static String event(String type, String fields) {
        return Json.event(type, "{\"type\":\"" + type + "\"," + fields + "}");
    }
}
