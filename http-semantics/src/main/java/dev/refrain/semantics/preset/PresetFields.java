package dev.refrain.semantics.preset;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.refrain.engine.exchange.Endpoint;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The fields that a preset adds to requests (W51), serialised once so that a request only copies bytes. */
final class PresetFields {
    /** Fields that a preset cannot set: the request's own input, and a reference to another preset. */
    private static final List<String> NOT_CONTRIBUTED = List.of("messages", "input", "preset");

    /** Keeps the configured order of properties, because models heed the order of properties in a schema. */
    private static final JsonMapper JSON = new JsonMapper();

    private static final JsonMapper CANONICAL =
            JsonMapper.builder().enable(JsonNodeFeature.WRITE_PROPERTIES_SORTED).build();

    private final String slug;
    private final Map<Endpoint, Map<String, byte[]>> byEndpoint = new EnumMap<>(Endpoint.class);
    private final byte[] systemMessage;
    private final byte[] canonical;

    PresetFields(PresetDefinition definition) {
        slug = definition.slug();
        ObjectNode own = JSON.createObjectNode();
        if (definition.model() != null) {
            own.put("model", definition.model());
        }
        definition.parameters().forEach(own::set);
        own.remove(NOT_CONTRIBUTED);
        String prompt = definition.systemPrompt();
        for (Endpoint endpoint : Endpoint.values()) {
            ObjectNode fields = own.deepCopy();
            switch (endpoint) {
                case RESPONSES -> putUnlessThere(fields, "instructions", prompt);
                case MESSAGES -> putUnlessThere(fields, "system", prompt);
                case CHAT, EMBEDDINGS -> {}
            }
            byEndpoint.put(endpoint, written(fields));
        }
        systemMessage = prompt == null
                ? null
                : json(JSON, JSON.createObjectNode().put("role", "system").put("content", prompt));
        if (prompt != null) {
            own.put("system_prompt", prompt);
        }
        canonical = json(CANONICAL, own);
    }

    String slug() {
        return slug;
    }

    /** The fields of a request to an endpoint, as JSON, by name. */
    Map<String, byte[]> fields(Endpoint endpoint) {
        return byEndpoint.get(endpoint);
    }

    /** The message that goes before a chat's messages, as JSON, or null. */
    byte[] systemMessage() {
        return systemMessage;
    }

    /** The fields as JSON with sorted properties and no white space. */
    byte[] canonical() {
        return canonical;
    }

    boolean isEmpty() {
        return byEndpoint.get(Endpoint.CHAT).isEmpty() && systemMessage == null;
    }

    /** Bytes by which a request may grow, roughly. */
    int size() {
        return canonical.length + 64;
    }

    static byte[] json(String text) {
        return json(JSON, TextNode.valueOf(text));
    }

    private static void putUnlessThere(ObjectNode fields, String name, String prompt) {
        if (prompt != null && !fields.has(name)) {
            fields.put(name, prompt);
        }
    }

    private static Map<String, byte[]> written(ObjectNode fields) {
        Map<String, byte[]> written = new LinkedHashMap<>();
        fields.properties().forEach(field -> written.put(field.getKey(), json(JSON, field.getValue())));
        return written;
    }

    private static byte[] json(JsonMapper mapper, JsonNode node) {
        try {
            return mapper.writeValueAsBytes(node);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree in memory can always be written", e);
        }
    }
}
