package dev.refrain.http.proxy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A provider that keeps the answers of Responses and Messages, as OpenAI and Anthropic do, and refuses ids that it has
 * not issued.
 */
final class StatefulProvider implements ScriptedProvider.Script {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern RESPONSE = Pattern.compile("/api/v1/responses/([^/?]+)(/.*)?");

    private final Map<String, String> issued = new ConcurrentHashMap<>();
    private final AtomicInteger number = new AtomicInteger();
    private final AtomicInteger refused = new AtomicInteger();
    /** Answers wait until this gate opens. */
    volatile CountDownLatch gate = new CountDownLatch(0);

    /** Number of requests with an id that it has not issued. */
    int refused() {
        return refused.get();
    }

    @Override
    public void answer(HttpExchange exchange, ScriptedProvider.Received request)
            throws IOException, InterruptedException {
        gate.await();
        Matcher one = RESPONSE.matcher(request.uri());
        if (one.matches()) {
            String kept = issued.get(one.group(1));
            if (kept == null) {
                refuse(exchange, one.group(1));
            } else {
                ScriptedProvider.json(exchange, 200, kept);
            }
            return;
        }
        JsonNode body = JSON.readTree(request.body());
        boolean isMessages = request.uri().contains("/messages");
        String previous = (isMessages
                        ? body.path("thread").path("previous_message_id")
                        : body.path("previous_response_id"))
                .asText("null");
        if (!previous.equals("null") && !issued.containsKey(previous)) {
            refuse(exchange, previous);
            return;
        }
        String id = (isMessages ? "msg_" : "resp_") + number.incrementAndGet();
        String text = "turn " + id + " after " + previous;
        ObjectNode answer = isMessages ? message(id, text, body) : response(id, text, previous, body);
        issued.put(id, answer.toString());
        if (!body.path("stream").asBoolean()) {
            ScriptedProvider.json(exchange, 200, answer.toString());
        } else if (isMessages) {
            ScriptedProvider.stream(exchange, messageEvents(answer));
        } else {
            ObjectNode begun = answer.deepCopy().put("status", "in_progress");
            begun.putArray("output");
            ScriptedProvider.stream(
                    exchange,
                    event(
                            "response.created",
                            JSON.createObjectNode().put("sequence_number", 0).set("response", begun)),
                    event(
                            "response.completed",
                            JSON.createObjectNode().put("sequence_number", 1).set("response", answer)));
        }
    }

    private void refuse(HttpExchange exchange, String id) throws IOException {
        refused.incrementAndGet();
        ScriptedProvider.json(
                exchange,
                404,
                "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Response with id '" + id
                        + "' not found.\",\"param\":null,\"code\":null}}");
    }

    private static ObjectNode response(String id, String text, String previous, JsonNode request) {
        ObjectNode answer = JSON.createObjectNode()
                .put("id", id)
                .put("object", "response")
                .put("created_at", 1_700_000_000)
                .put("status", "completed")
                .put("model", request.path("model").asText())
                .put("previous_response_id", previous.equals("null") ? null : previous)
                .put("parallel_tool_calls", true)
                .put("tool_choice", "auto");
        answer.putArray("tools");
        ObjectNode item = answer.putArray("output").addObject();
        item.put("type", "message")
                .put("id", "item_" + id)
                .put("role", "assistant")
                .put("status", "completed");
        item.putArray("content")
                .addObject()
                .put("type", "output_text")
                .put("text", text)
                .putArray("annotations");
        ObjectNode usage = answer.putObject("usage")
                .put("input_tokens", 9)
                .put("output_tokens", 12)
                .put("total_tokens", 21);
        usage.putObject("input_tokens_details").put("cached_tokens", 0);
        usage.putObject("output_tokens_details").put("reasoning_tokens", 0);
        return answer;
    }

    /** Calls a tool if the request has tools and no tool result. */
    private static ObjectNode message(String id, String text, JsonNode request) {
        boolean calls = request.path("tools").size() > 0
                && !request.path("messages").toString().contains("tool_result");
        ObjectNode answer = JSON.createObjectNode()
                .put("id", id)
                .put("type", "message")
                .put("role", "assistant")
                .put("model", request.path("model").asText());
        ObjectNode block = answer.putArray("content").addObject();
        if (calls) {
            block.put("type", "tool_use")
                    .put("id", "toolu_1")
                    .put("name", request.path("tools").get(0).path("name").asText());
            block.putObject("input").put("city", "Berlin");
        } else {
            block.put("type", "text").put("text", text);
        }
        answer.put("stop_reason", calls ? "tool_use" : "end_turn").putNull("stop_sequence");
        answer.putObject("usage").put("input_tokens", 9).put("output_tokens", 12);
        return answer;
    }

    private static String[] messageEvents(ObjectNode answer) {
        ObjectNode begun = answer.deepCopy().putNull("stop_reason");
        begun.putArray("content");
        ObjectNode delta = JSON.createObjectNode();
        delta.putObject("delta")
                .put("stop_reason", answer.path("stop_reason").asText())
                .putNull("stop_sequence");
        delta.putObject("usage").put("output_tokens", 12);
        return List.of(
                        event("message_start", JSON.createObjectNode().set("message", begun)),
                        event("message_delta", delta),
                        event("message_stop", JSON.createObjectNode()))
                .toArray(String[]::new);
    }

    private static String event(String type, JsonNode data) {
        return "event: " + type + "\ndata: " + ((ObjectNode) data).put("type", type) + "\n\n";
    }
}
