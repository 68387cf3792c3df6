package dev.refrain.engine.internal.template;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.refrain.engine.exchange.Endpoint;
import java.util.Map;

/** A second implementation of wire rule W25, on Jackson's trees. */
final class ReplayOracle {
    private ReplayOracle() {}

    /** Applies the changes of a hit to one event of a stream. */
    static void ofEvent(Endpoint endpoint, ObjectNode event) {
        switch (endpoint) {
            case RESPONSES -> ofBody(endpoint, event.get("response"));
            case MESSAGES -> {
                String type = event.path("type").asText();
                if (type.equals("message_start") && event.get("message") instanceof ObjectNode message) {
                    ofBody(endpoint, message);
                }
                if (type.equals("message_delta")) {
                    zero(event, "usage");
                }
            }
            default -> ofBody(endpoint, event);
        }
    }

    /** Applies the changes of a hit to a document. */
    static void ofBody(Endpoint endpoint, JsonNode answer) {
        if (!(answer instanceof ObjectNode object)) {
            return;
        }
        if (object.path("id").isTextual()) {
            object.set("id", TextNode.valueOf(Sample.ID));
        }
        String[] times = switch (endpoint) {
            case CHAT -> new String[] {"created"};
            case RESPONSES -> new String[] {"created_at", "completed_at"};
            default -> new String[0];
        };
        for (String time : times) {
            if (object.path(time).isNumber()) {
                object.put(time, Integer.parseInt(Sample.TIME));
            }
        }
        zero(object, "usage");
    }

    private static void zero(ObjectNode parent, String name) {
        if (parent.has(name)) {
            parent.set(name, zeroed(parent.get(name)));
        }
    }

    private static JsonNode zeroed(JsonNode node) {
        if (node.isNumber()) {
            return IntNode.valueOf(0);
        }
        if (node instanceof ArrayNode array) {
            for (int i = 0; i < array.size(); i++) {
                array.set(i, zeroed(array.get(i)));
            }
        } else if (node instanceof ObjectNode object) {
            for (Map.Entry<String, JsonNode> field : object.properties()) {
                field.setValue(zeroed(field.getValue()));
            }
        }
        return node;
    }
}
