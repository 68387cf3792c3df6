package dev.refrain.http.demo;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;

/**
 * The parts of a request that the demo provider uses.
 *
 * @param fields the whole request
 * @param input the field with the prompt
 * @param inputTokens a plausible count of the prompt's tokens
 */
record DemoRequest(ObjectNode fields, JsonNode input, int inputTokens) {
    /** Without Jackson's shared table of field names, since clients could fill it. */
    private static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    static DemoRequest parse(byte[] body, String inputField) throws Refused {
        JsonNode request;
        try {
            request = JSON.readTree(body);
        } catch (IOException e) {
            throw new Refused("The request body is not valid JSON. Send one JSON object.", null);
        }
        if (!(request instanceof ObjectNode fields)) {
            throw new Refused("The request body must be a JSON object.", null);
        }
        JsonNode input = fields.path(inputField);
        if (input.isMissingNode() || input.isNull()) {
            throw new Refused("Missing required parameter: '" + inputField + "'.", inputField);
        }
        return new DemoRequest(fields, input, Math.max(1, input.toString().length() / 4));
    }

    String model() {
        return fields.path("model").asText(ModelList.ID);
    }

    boolean streaming() {
        return fields.path("stream").asBoolean();
    }

    /** The last text of the prompt: what the user just said. */
    String lastText() {
        return lastText(input);
    }

    private static String lastText(JsonNode node) {
        if (node.isTextual()) {
            return node.asText();
        }
        if (node.isObject()) {
            return lastText(node.has("text") ? node.get("text") : node.path("content"));
        }
        for (int i = node.size() - 1; i >= 0; i--) {
            String text = lastText(node.get(i));
            if (!text.isBlank()) {
                return text;
            }
        }
        return "";
    }

    /** A request that is answered with a 400. */
    static final class Refused extends Exception {
        private static final long serialVersionUID = 1L;

        private final String parameter;

        Refused(String message, String parameter) {
            super(message, null, false, false);
            this.parameter = parameter;
        }

        /** The field that is wrong, or null if no single field is. */
        String parameter() {
            return parameter;
        }
    }
}
