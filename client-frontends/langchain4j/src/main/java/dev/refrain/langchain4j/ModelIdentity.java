package dev.refrain.langchain4j;

import dev.langchain4j.model.embedding.EmbeddingModel;
import java.util.List;

/** What tells an embedding model from others in keys. Stateless. */
final class ModelIdentity {
    /** What {@link EmbeddingModel#modelName} says if a model does not override it. */
    private static final String NO_NAME = "unknown";

    /**
     * Packages of LangChain4j whose models of one name give different vectors by settings that they do not show (task
     * and input types, dimensions, normalisation, pooling), and that of its decorator, which hides whose it is. A model
     * that tells its default parameters is exempt.
     */
    private static final List<String> WITH_HIDDEN_SETTINGS = List.of(
            "azure",
            "bedrock",
            "cohere",
            "embedding",
            "google.genai",
            "googleai",
            "jina",
            "nomic",
            "openaiofficial",
            "oracle",
            "vertexai",
            "voyageai",
            "watsonx");

    private ModelIdentity() {}

    /**
     * The identity.
     *
     * @throws IllegalArgumentException if the model does not tell it
     */
    static String of(EmbeddingModel model) {
        if (!hasName(model)) {
            throw new IllegalArgumentException(
                    model.getClass().getName() + " does not tell which model it is (modelName)" + remedy());
        }
        if (model.defaultRequestParameters().modelName() == null && mayHideSettings(model)) {
            throw new IllegalArgumentException("the vectors of "
                    + model.getClass().getName()
                    + " may depend on settings that it does not show, such as a task type or dimensions" + remedy());
        }
        return model.getClass().getName() + " " + model.provider();
    }

    private static String remedy() {
        return ". Say what tells it from others: RefrainOptions.builder().upstream(\"...\")";
    }

    static boolean hasName(EmbeddingModel model) {
        return model.modelName() != null && !model.modelName().isBlank() && !NO_NAME.equals(model.modelName());
    }

    private static boolean mayHideSettings(EmbeddingModel model) {
        String type = model.getClass().getName();
        return WITH_HIDDEN_SETTINGS.stream().anyMatch(name -> type.startsWith("dev.langchain4j.model." + name + "."));
    }
}
