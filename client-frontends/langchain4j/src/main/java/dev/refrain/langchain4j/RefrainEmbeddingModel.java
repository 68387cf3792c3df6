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
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Answers the requests of an embedding model from the cache, text by text: stored vectors come from the cache, and one
 * call of the model fetches the others.
 *
 * <pre>{@code
 * EmbeddingModel model = RefrainEmbeddingModel.of(OpenAiEmbeddingModel.builder().apiKey(key)
 *         .modelName("text-embedding-3-small").build(), cache);
 * }</pre>
 *
 * <p>Each distinct text is fetched once, even if several threads ask for it at the same time. A vector is stored bit by
 * bit. The response's token usage is that of the call, or zero if there was none. If the model throws, the exception is
 * passed on and nothing is stored.
 *
 * <p>The key is made of the model, the request's parameters, the text, and the segment's metadata except {@code index},
 * the number that LangChain4j's splitters give a segment. The model is identified by its class, provider, name and
 * {@link EmbeddingModel#defaultRequestParameters() default parameters}. That does not suffice for models with hidden
 * settings, such as a task type, and for servers that give different models one name. Set
 * {@link RefrainOptions.Builder#upstream} for these, to a text that identifies the model.
 *
 * <p>Requests with inputs other than a single text bypass the cache. Thread-safe if the model is.
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
     * @throws IllegalArgumentException if the model does not identify itself; then the options must identify it
     */
    public static RefrainEmbeddingModel of(EmbeddingModel model, ResponseCache cache) {
        return of(model, cache, RefrainOptions.DEFAULTS);
    }

    /**
     * Caches as the options say. Without a scope, all users of the cache's file and the model share the vectors.
     *
     * @throws IllegalArgumentException if neither the model nor the options identify the model
     */
    public static RefrainEmbeddingModel of(EmbeddingModel model, ResponseCache cache, RefrainOptions options) {
        return new RefrainEmbeddingModel(model, cache, options);
    }

    @Override
    public Response<Embedding> embed(TextSegment segment) {
        return answer(
                segment == null ? null : List.of(segment),
                keys.modelName(),
                keys::alone,
                TextSegment::text,
                missing -> Vectors.Call.ofOne(model.embed(segment)),
                (vectors, found) -> vectors.response(found.get(0)),
                () -> model.embed(segment));
    }

    @Override
    public Response<List<Embedding>> embedAll(List<TextSegment> segments) {
        boolean isWhole = segments != null && segments.stream().allMatch(Objects::nonNull);
        return answer(
                isWhole ? segments : null,
                keys.modelName(),
                keys::amongOthers,
                TextSegment::text,
                missing -> Vectors.Call.of(model.embedAll(missing)),
                Vectors::response,
                () -> model.embedAll(segments));
    }

    @Override
    public EmbeddingResponse embed(EmbeddingRequest request) {
        EmbeddingRequestParameters parameters = model.defaultRequestParameters().overrideWith(request.parameters());
        String name = keys.modelName(parameters);
        boolean areTexts = request.inputs().stream().allMatch(RefrainEmbeddingModel::isOneText);
        return answer(
                areTexts ? request.inputs() : null,
                name,
                input -> keys.withParameters(input.text(), parameters),
                EmbeddingInput::text,
                missing -> Vectors.Call.of(model.embed(EmbeddingRequest.builder()
                        .inputs(missing)
                        .parameters(request.parameters())
                        .build())),
                (vectors, found) -> vectors.response(found, name),
                () -> model.embed(request));
    }

    /**
     * Answers a request.
     *
     * @param texts null if some input is not a single text
     * @param name of the model, or null
     * @param fetch calls the model for some of the texts
     * @param whole calls the model for the whole request, if it cannot be answered text by text
     */
    private <T, R> R answer(
            List<T> texts,
            String name,
            Function<T, byte[]> key,
            Function<T, String> text,
            Function<List<T>, Vectors.Call> fetch,
            BiFunction<Vectors, List<Embedding>, R> response,
            Supplier<R> whole) {
        if (texts == null || texts.isEmpty() || !cache.isOn(name)) {
            return cache.passBy(name, whole);
        }
        // The program may change its list while the model is called.
        List<T> asked = List.copyOf(texts);
        try {
            Vectors vectors = new Vectors();
            List<Embedding> found = vectors.of(
                    cache,
                    name,
                    asked.stream().map(key).toList(),
                    asked.stream().map(text).toList(),
                    missing -> fetch.apply(missing.stream().map(asked::get).toList()));
            return response.apply(vectors, found);
        } catch (ItemVectors.UnusableException e) {
            return whole.get();
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
