package dev.refrain.langchain4j;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.message.ContentType;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.request.EmbeddingInput;
import dev.langchain4j.model.embedding.request.EmbeddingParameter;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.langchain4j.model.embedding.request.EmbeddingRequestParameters;
import dev.langchain4j.model.embedding.response.EmbeddingResponse;
import dev.langchain4j.model.output.Response;
import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.client.ItemCache;
import dev.refrain.semantics.client.ItemVectors;
import dev.refrain.semantics.client.RefrainOptions;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * Answers the requests of an embedding model from the cache, text by text: the vectors that are known come from the
 * cache, and one call of the model fetches the others.
 *
 * <pre>{@code
 * EmbeddingModel model = RefrainEmbeddingModel.of(OpenAiEmbeddingModel.builder().apiKey(key)
 *         .modelName("text-embedding-3-small").build(), cache);
 * }</pre>
 *
 * <p>Each distinct text is fetched once, also by threads that ask for it at the same moment. A vector is stored as its
 * bits. The response's token usage is that of the call, and zero if there was none. What the model throws is thrown,
 * and stores nothing.
 *
 * <p>The key is of the model, the request's parameters, the text, and the segment's metadata but for {@code index},
 * the number that LangChain4j's splitters give a segment. The model is known by its class, provider, name and
 * {@link EmbeddingModel#defaultRequestParameters() default parameters}. That is not enough for models with settings
 * that they do not show, such as a task type, and for servers that call different models by one name: for these, say
 * with {@link RefrainOptions.Builder#upstream} what tells the model from others.
 *
 * <p>Inputs that are not one text pass by. Thread-safe if the model is.
 */
public final class RefrainEmbeddingModel implements EmbeddingModel {
    private final EmbeddingModel model;
    private final ItemCache cache;
    private final SegmentKeys keys;

    private RefrainEmbeddingModel(EmbeddingModel model, ResponseCache cache, RefrainOptions options) {
        this.model = Objects.requireNonNull(model, "model");
        if (model instanceof RefrainEmbeddingModel) {
            throw new IllegalArgumentException("the model is cached already");
        }
        this.cache = ItemCache.of(cache, options, () -> ModelIdentity.of(model));
        this.keys = new SegmentKeys(model);
    }

    /**
     * Caches all vectors, for five minutes.
     *
     * @throws IllegalArgumentException if the model does not tell which one it is: then the options have to
     */
    public static RefrainEmbeddingModel of(EmbeddingModel model, ResponseCache cache) {
        return of(model, cache, RefrainOptions.DEFAULTS);
    }

    /**
     * Caches as the options say. Without a scope the vectors are shared by all who use the cache's file and the model.
     *
     * @throws IllegalArgumentException if neither the model nor the options tell which model it is
     */
    public static RefrainEmbeddingModel of(EmbeddingModel model, ResponseCache cache, RefrainOptions options) {
        return new RefrainEmbeddingModel(model, cache, options);
    }

    @Override
    public Response<Embedding> embed(TextSegment segment) {
        String name = keys.modelName();
        if (!cache.isOn(name) || segment == null) {
            return cache.passBy(name, () -> model.embed(segment));
        }
        try {
            Vectors vectors = new Vectors();
            List<Embedding> found =
                    vectors.of(cache, name, List.of(keys.alone(segment)), List.of(segment.text()), missing -> {
                        Response<Embedding> response = model.embed(segment);
                        return new Vectors.Call(
                                response.content() == null ? null : List.of(response.content()),
                                response.tokenUsage(),
                                response);
                    });
            return vectors.response(found.get(0));
        } catch (ItemVectors.UnusableException e) {
            return model.embed(segment);
        }
    }

    @Override
    public Response<List<Embedding>> embedAll(List<TextSegment> segments) {
        String name = keys.modelName();
        if (!cache.isOn(name)
                || segments == null
                || segments.isEmpty()
                || segments.stream().anyMatch(Objects::isNull)) {
            return cache.passBy(name, () -> model.embedAll(segments));
        }
        List<TextSegment> asked = List.copyOf(segments);
        try {
            Vectors vectors = new Vectors();
            List<Embedding> found = vectors.of(
                    cache,
                    name,
                    asked.stream().map(keys::amongOthers).toList(),
                    asked.stream().map(TextSegment::text).toList(),
                    missing -> {
                        Response<List<Embedding>> response =
                                model.embedAll(missing.stream().map(asked::get).toList());
                        return new Vectors.Call(response.content(), response.tokenUsage(), response);
                    });
            return vectors.response(found);
        } catch (ItemVectors.UnusableException e) {
            return model.embedAll(segments);
        }
    }

    @Override
    public EmbeddingResponse embed(EmbeddingRequest request) {
        EmbeddingRequestParameters parameters = model.defaultRequestParameters().overrideWith(request.parameters());
        String name = keys.modelName(parameters);
        if (!cache.isOn(name) || !request.inputs().stream().allMatch(RefrainEmbeddingModel::isOneText)) {
            return cache.passBy(name, () -> model.embed(request));
        }
        List<EmbeddingInput> asked = List.copyOf(request.inputs());
        try {
            Vectors vectors = new Vectors();
            List<Embedding> found = vectors.of(
                    cache,
                    name,
                    asked.stream()
                            .map(input -> keys.withParameters(input.text(), parameters))
                            .toList(),
                    asked.stream().map(EmbeddingInput::text).toList(),
                    missing -> {
                        EmbeddingResponse response = model.embed(EmbeddingRequest.builder()
                                .inputs(missing.stream().map(asked::get).toList())
                                .parameters(request.parameters())
                                .build());
                        return new Vectors.Call(response.embeddings(), response.tokenUsage(), response);
                    });
            return vectors.response(found, name);
        } catch (ItemVectors.UnusableException e) {
            return model.embed(request);
        }
    }

    private static boolean isOneText(EmbeddingInput input) {
        return input.contents().size() == 1 && input.contents().get(0).type() == ContentType.TEXT;
    }

    @Override
    public EmbeddingResponse doEmbed(EmbeddingRequest request) {
        return embed(request);
    }

    @Override
    public int dimension() {
        return model.dimension();
    }

    @Override
    public String modelName() {
        return model.modelName();
    }

    @Override
    public ModelProvider provider() {
        return model.provider();
    }

    @Override
    public EmbeddingRequestParameters defaultRequestParameters() {
        return model.defaultRequestParameters();
    }

    @Override
    public Set<EmbeddingParameter<?>> supportedParameters() {
        return model.supportedParameters();
    }

    @Override
    public Set<ContentType> supportedContentTypes() {
        return model.supportedContentTypes();
    }
}
