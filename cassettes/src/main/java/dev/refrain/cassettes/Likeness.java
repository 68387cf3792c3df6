package dev.refrain.cassettes;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;

/** Compares two answers, except for their ids and times. Stateless. */
final class Likeness {
    /** Members whose values differ in every answer. */
    private static final Set<String> NEW_EACH_TIME =
            Set.of("id", "created", "created_at", "completed_at", "system_fingerprint", "obfuscation");

    /** Members that hold the arguments of a tool call. Ids inside them come from the prompt, so they are compared. */
    private static final Set<String> GIVEN = Set.of("input", "arguments");

    private Likeness() {}

    static boolean isSame(RecordedAnswer one, RecordedAnswer other) {
        if (one.status() != other.status()
                || one.events().size() != other.events().size()) {
            return false;
        }
        return Arrays.equals(one.body(), other.body()) || plain(one).equals(plain(other));
    }

    private static String plain(RecordedAnswer answer) {
        String body = new String(answer.body(), StandardCharsets.UTF_8);
        if (answer.events().isEmpty()) {
            return withoutIds(body);
        }
        StringBuilder plain = new StringBuilder(body.length());
        body.lines().forEach(line -> {
            boolean isData = line.startsWith("data:");
            plain.append(isData ? withoutIds(line.substring(5)) : line).append('\n');
        });
        return plain.toString();
    }

    private static String withoutIds(String json) {
        try {
            JsonNode node = RecordedRequest.JSON.readTree(json);
            remove(node);
            return node.toString();
        } catch (JsonProcessingException e) {
            return json;
        }
    }

    private static void remove(JsonNode node) {
        if (node instanceof ObjectNode object) {
            for (Map.Entry<String, JsonNode> member : object.properties()) {
                boolean isNew = NEW_EACH_TIME.contains(member.getKey())
                        || member.getKey().endsWith("_id");
                if (isNew && member.getValue().isValueNode()) {
                    member.setValue(NullNode.getInstance());
                } else if (!GIVEN.contains(member.getKey())) {
                    remove(member.getValue());
                }
            }
        } else {
            node.forEach(Likeness::remove);
        }
    }
}
