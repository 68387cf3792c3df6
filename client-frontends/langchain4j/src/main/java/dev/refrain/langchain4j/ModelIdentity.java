package dev.refrain.langchain4j;

import dev.langchain4j.model.embedding.EmbeddingModel;
import java.util.regex.Pattern;

/** Derives an embedding model's identity for keys. Stateless. */
final class ModelIdentity {
    /** The result of {@link EmbeddingModel#modelName} if a model does not override it. */
    private static final String NO_NAME = "unknown";

    /**
     * Packages of LangChain4j whose models have settings that change vectors but cannot be read: task and input types,
     * dimensions, normalisation, pooling. Also the package of its decorator, which hides the wrapped model. A model
     * whose default parameters have its name is exempt.
     */
    private static final Pattern WITH_HIDDEN_SETTINGS = Pattern.compile("dev\\.langchain4j\\.model\\."
            + "(azure|bedrock|cohere|embedding|google\\.genai|googleai|jina|nomic|openaiofficial|oracle|vertexai"
            + "|voyageai|watsonx)\\..+");

    private static final String REMEDY = ". Say what tells it from others: RefrainOptions.builder().upstream(\"...\")";

    private ModelIdentity() {}

    /**
     * The identity of a model.
     *
     * @throws IllegalArgumentException if the model does not reveal it
     */
    static String of(EmbeddingModel model) {
        String type = model.getClass().getName();
        if (model.modelName() == null || model.modelName().isBlank() || NO_NAME.equals(model.modelName())) {
            throw new IllegalArgumentException(type + " does not tell which model it is (modelName)" + REMEDY);
        }
        boolean isHidden = model.defaultRequestParameters().modelName() == null;
        if (isHidden && WITH_HIDDEN_SETTINGS.matcher(type).matches()) {
            throw new IllegalArgumentException("the vectors of " + type
                    + " may depend on settings that it does not show, such as a task type or dimensions" + REMEDY);
        }
        return type + " " + model.provider();
    }
}
