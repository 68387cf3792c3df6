package dev.langchain4j.model.cohere;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.output.Response;
import java.util.List;

/** Stands in the package of LangChain4j's model for Cohere, whose input type a caller cannot see. */
public final class HiddenSettingsModel implements EmbeddingModel {
    @Override
    public Response<List<Embedding>> embedAll(List<TextSegment> segments) {
        throw new AssertionError();
    }

    @Override
    public String modelName() {
        return "embed-v4.0";
    }
}
