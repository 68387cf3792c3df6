package dev.refrain.http.demo;

import java.util.ArrayList;
import java.util.List;

/** OpenAI Responses: https://platform.openai.com/docs/api-reference/responses and /responses-streaming. */
final class ResponsesFormat implements DemoFormat {
    @Override
    public String input() {
        return "input";
    }

    @Override
    public DemoAnswer answer(DemoRequest request) {
        List<String> tokens = DemoText.tokens(request);
        Response response = new Response(
                Json.freshId("resp_", 48),
                Json.freshId("msg_", 48),
                Json.nowSeconds(),
                Json.quote(request.model()),
                request.inputTokens(),
                tokens);
        return request.streaming()
                ? DemoAnswer.stream(new Events(response).pieces())
                : DemoAnswer.body(response.completed());
    }

    private record Response(
            String id, String itemId, long createdAt, String model, int inputTokens, List<String> tokens) {
        String inProgress() {
            return response("in_progress", "null", "[]", "null");
        }

        String completed() {
            String usage = """
                    {"input_tokens":%d,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},\
                    "output_tokens":%d,\
                    "output_tokens_details":{"reasoning_tokens":0},"total_tokens":%d}\
                    """.formatted(inputTokens, tokens.size(), inputTokens + tokens.size());
            return response(
                    "completed",
                    Long.toString(Json.nowSeconds()),
                    "[" + item("completed", "[" + part(text()) + "]") + "]",
                    usage);
        }

        private String response(String status, String completedAt, String output, String usage) {
            return """
                    {"id":%s,"object":"response","created_at":%d,"status":"%s","background":false,"completed_at":%s,\
                    "error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,\
                    "max_tool_calls":null,"model":%s,"output":%s,"frequency_penalty":0.0,"presence_penalty":0.0,\
                    "parallel_tool_calls":true,"previous_response_id":null,\
                    "prompt_cache_key":null,"reasoning":{"effort":null,"summary":null},"safety_identifier":null,\
                    "service_tier":"default","store":false,"temperature":1.0,"text":{"format":{"type":"text"}},\
                    "tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1.0,"truncation":"disabled","usage":%s,\
                    "user":null,"metadata":{}}\
                    """.formatted(id, createdAt, status, completedAt, model, output, usage);
        }

        String item(String status, String content) {
            return """
                    {"id":%s,"type":"message","status":"%s","content":%s,"role":"assistant"}\
                    """.formatted(itemId, status, content);
        }

        static String part(String text) {
            return """
                    {"type":"output_text","annotations":[],"logprobs":[],"text":%s}\
                    """.formatted(Json.quote(text));
        }

        String text() {
            return String.join("", tokens);
        }
    }

    /** The events of one stream, numbered in the order in which they are made. */
    private static final class Events {
        private final Response response;
        private int sequenceNumber;

        Events(Response response) {
            this.response = response;
        }

        List<String> pieces() {
            List<String> pieces = new ArrayList<>();
            pieces.add(event("response.created", "\"response\":" + response.inProgress())
                    + event("response.in_progress", "\"response\":" + response.inProgress())
                    + itemEvent("response.output_item.added", response.item("in_progress", "[]"))
                    + textEvent("response.content_part.added", "\"part\":" + Response.part("")));
            for (String token : response.tokens()) {
                pieces.add(
                        textEvent("response.output_text.delta", "\"delta\":" + Json.quote(token) + ",\"logprobs\":[]"));
            }
            String text = response.text();
            pieces.add(textEvent("response.output_text.done", "\"text\":" + Json.quote(text) + ",\"logprobs\":[]")
                    + textEvent("response.content_part.done", "\"part\":" + Response.part(text))
                    + itemEvent(
                            "response.output_item.done", response.item("completed", "[" + Response.part(text) + "]"))
                    + event("response.completed", "\"response\":" + response.completed()));
            return pieces;
        }

        private String textEvent(String type, String fields) {
            return event(
                    type, "\"item_id\":" + response.itemId() + ",\"output_index\":0,\"content_index\":0," + fields);
        }

        private String itemEvent(String type, String item) {
            return event(type, "\"output_index\":0,\"item\":" + item);
        }

        private String event(String type, String fields) {
            return Json.event(
                    type, "{\"type\":\"%s\",\"sequence_number\":%d,%s}".formatted(type, sequenceNumber++, fields));
        }
    }
}
