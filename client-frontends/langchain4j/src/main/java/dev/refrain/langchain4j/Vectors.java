package dev.refrain.langchain4j;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.model.embedding.response.EmbeddingResponse;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.output.TokenUsage;
import dev.refrain.semantics.client.ItemCache;
import dev.refrain.semantics.client.ItemVectors;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** Gathers the vectors of one request, from the cache and from the model. Used by one thread. */
final class Vectors {
    private static final TokenUsage NOTHING_USED = new TokenUsage(0, 0, 0);

    private final List<Call> calls = new ArrayList<>(1);

    /**
     * The result of a call of the model.
     *
     * @param whole the model's response
     */
    record Call(List<Embedding> embeddings, TokenUsage usage, Object whole) {
        static Call of(EmbeddingResponse response) {
            return new Call(response.embeddings(), response.tokenUsage(), response);
        }

        static Call of(Response<List<Embedding>> response) {
            return new Call(response.content(), response.tokenUsage(), response);
        }

        static Call ofOne(Response<Embedding> response) {
            List<Embedding> only = response.content() == null ? null : List.of(response.content());
            return new Call(only, response.tokenUsage(), response);
        }

        private ItemVectors.Fetched fetched() {
            List<float[]> vectors = embeddings == null
                    ? null
                    : embeddings.stream()
                            .map(embedding -> embedding == null ? null : embedding.vector())
                            .toList();
            return new ItemVectors.Fetched(vectors, usage == null ? null : usage.inputTokenCount());
        }
    }

    /**
     * The vectors of texts, in their order.
     *
     * @param modelName null if it is not known
     * @param texts one for each key
     * @param model fetches the vectors for some positions in the lists
     */
    List<Embedding> of(
            ItemCache cache,
            String modelName,
            List<byte[]> keys,
            List<String> texts,
            Function<List<Integer>, Call> model) {
        return ItemVectors.get(cache, modelName, keys, texts, missing -> {
                    Call call = model.apply(missing);
                    calls.add(call);
                    return call.fetched();
                })
                .stream()
                .map(Embedding::from)
                .toList();
    }

    /** The token usage of all calls; null if the model does not state it. */
    private TokenUsage usage() {
        TokenUsage usage = null;
        for (Call call : calls) {
            usage = usage == null ? call.usage() : TokenUsage.sum(usage, call.usage());
        }
        return calls.isEmpty() ? NOTHING_USED : usage;
    }

    /** A response with the finish reason and the metadata of the model's last response. */
    <T> Response<T> response(T content) {
        Response<?> last = calls.isEmpty()
                ? null
                : (Response<?>) calls.get(calls.size() - 1).whole();
        return last == null
                ? Response.from(content, usage())
                : Response.from(content, usage(), last.finishReason(), last.metadata());
    }

    /** @param modelName the name if no call was made; otherwise the response of the call has the name */
    EmbeddingResponse response(List<Embedding> embeddings, String modelName) {
        EmbeddingResponse last = calls.isEmpty()
                ? null
                : (EmbeddingResponse) calls.get(calls.size() - 1).whole();
        EmbeddingResponse.Builder builder = EmbeddingResponse.builder().embeddings(embeddings);
        if (last != null && calls.size() == 1) {
            return builder.metadata(last.metadata()).build();
        }
        return builder.modelName(last == null ? modelName : last.modelName())
                .tokenUsage(usage())
                .build();
    }
}
