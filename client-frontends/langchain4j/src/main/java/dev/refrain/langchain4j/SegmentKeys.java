package dev.refrain.langchain4j;

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.request.EmbeddingParameter;
import dev.langchain4j.model.embedding.request.EmbeddingRequestParameters;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/** Makes of a text what its key is made of: a JSON object. Immutable. */
final class SegmentKeys {
    /** The number that LangChain4j's splitters give a segment within its document. */
    private static final String INDEX = "index";

    private final EmbeddingModel model;

    SegmentKeys(EmbeddingModel model) {
        this.model = model;
    }

    /** Of a text in a list. */
    byte[] amongOthers(TextSegment segment) {
        return key(segment, false);
    }

    /** Of a text by itself, for which models may treat metadata in another way. */
    byte[] alone(TextSegment segment) {
        return key(segment, true);
    }

    /** Of a text in a request. */
    byte[] withParameters(String text, EmbeddingRequestParameters parameters) {
        return json(text, parameters, new TreeMap<>(), false);
    }

    /** The model's name, as the model says; null if it does not. */
    String modelName() {
        return modelName(model.defaultRequestParameters());
    }

    /** The model's name, as the request or else the model says. */
    String modelName(EmbeddingRequestParameters parameters) {
        return parameters.modelName() == null ? model.modelName() : parameters.modelName();
    }

    private byte[] key(TextSegment segment, boolean alone) {
        TreeMap<String, Object> metadata = new TreeMap<>(segment.metadata().toMap());
        metadata.remove(INDEX);
        return json(segment.text(), model.defaultRequestParameters(), metadata, alone);
    }

    /** @param metadata in the order of its keys */
    private byte[] json(
            String text, EmbeddingRequestParameters parameters, Map<String, Object> metadata, boolean alone) {
        StringBuilder json = new StringBuilder(text.length() + 128).append("{\"model\":");
        quote(String.valueOf(modelName(parameters)), json);
        TreeMap<String, Object> values = new TreeMap<>();
        for (EmbeddingParameter<?> parameter : parameters.presentParameters()) {
            values.put(parameter.name(), parameters.parameter(parameter));
        }
        append("parameters", values, json);
        append("metadata", metadata, json);
        if (alone && !metadata.isEmpty()) {
            json.append(",\"alone\":true");
        }
        json.append(",\"input\":");
        quote(text, json);
        return json.append('}').toString().getBytes(StandardCharsets.UTF_8);
    }

    private static void append(String name, Map<String, Object> values, StringBuilder json) {
        if (values.isEmpty()) {
            return;
        }
        json.append(",\"").append(name).append("\":{");
        boolean isFirst = true;
        for (Map.Entry<String, Object> value : values.entrySet()) {
            if (!isFirst) {
                json.append(',');
            }
            isFirst = false;
            quote(value.getKey(), json);
            json.append(':');
            // 1 and "1" are different values.
            Object is = value.getValue();
            quote((is == null ? "" : is.getClass().getSimpleName()) + " " + is, json);
        }
        json.append('}');
    }

    /** A string of RFC 8259, 7. A surrogate without its other half cannot be encoded, so it is escaped. */
    private static void quote(String text, StringBuilder json) {
        json.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean isPair = Character.isHighSurrogate(c)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1));
            if (isPair) {
                json.append(c).append(text.charAt(++i));
            } else if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < ' ' || Character.isSurrogate(c)) {
                json.append(String.format("\\u%04x", (int) c));
            } else {
                json.append(c);
            }
        }
        json.append('"');
    }
}
