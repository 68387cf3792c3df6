package dev.refrain.langchain4j;

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.request.EmbeddingParameter;
import dev.langchain4j.model.embedding.request.EmbeddingRequestParameters;
import dev.refrain.semantics.client.ItemKey;
import java.util.HashMap;
import java.util.Map;

/** Derives the content of a text's key: a JSON object. Immutable. */
final class SegmentKeys {
    /** The number that LangChain4j's splitters give a segment within its document. */
    private static final String INDEX = "index";

    private final EmbeddingModel model;

    SegmentKeys(EmbeddingModel model) {
        this.model = model;
    }

    /** The key of a text in a list. */
    byte[] amongOthers(TextSegment segment) {
        return key(segment, false);
    }

    /** The key of a single text. Models may treat its metadata in another way than in a list. */
    byte[] alone(TextSegment segment) {
        return key(segment, true);
    }

    /** The key of a text in a request. */
    byte[] withParameters(String text, EmbeddingRequestParameters parameters) {
        return begin(parameters).of(text);
    }

    /** The name that the model states; null if it states none. */
    String modelName() {
        return modelName(model.defaultRequestParameters());
    }

    /** The name that the request states, or else the name that the model states; null if there is neither. */
    String modelName(EmbeddingRequestParameters parameters) {
        return parameters.modelName() == null ? model.modelName() : parameters.modelName();
    }

    private byte[] key(TextSegment segment, boolean alone) {
        Map<String, Object> metadata = new HashMap<>(segment.metadata().toMap());
        metadata.remove(INDEX);
        ItemKey key = begin(model.defaultRequestParameters()).with("metadata", metadata);
        return (alone && !metadata.isEmpty() ? key.with("alone") : key).of(segment.text());
    }

    private ItemKey begin(EmbeddingRequestParameters parameters) {
        Map<String, Object> values = new HashMap<>();
        for (EmbeddingParameter<?> parameter : parameters.presentParameters()) {
            values.put(parameter.name(), parameters.parameter(parameter));
        }
        return new ItemKey(String.valueOf(modelName(parameters))).with("parameters", values);
    }
}
