package dev.refrain.langchain4j;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.model.embedding.response.EmbeddingResponse;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.output.TokenUsage;
import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.semantics.client.ItemCache;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * The vectors of one request: those that are stored, and those that the model gives. A stored vector is its floats'
 * bits, little-endian. Used by one thread.
 */
final class Vectors {
    private static final TokenUsage NOTHING_USED = new TokenUsage(0, 0, 0);

    private final List<Call> calls = new ArrayList<>(1);

    /**
     * What a call of the model gave.
     *
     * @param whole the response as it came
     */
    record Call(List<Embedding> embeddings, TokenUsage usage, Object whole) {}

    /** A model's answer cannot be matched with the texts, so that the request has to go to the model as it is. */
    static final class UnusableException extends RuntimeException {
        private static final long serialVersionUID = 1;

        UnusableException(String message) {
            super(message);
        }
    }

    /**
     * The vectors of texts, in their order.
     *
     * @param modelName null if it is not known
     * @param texts as long as {@code keys}
     * @param model gives the vectors at some positions in the lists
     */
    List<Embedding> of(
            ItemCache cache,
            String modelName,
            List<byte[]> keys,
            List<String> texts,
            Function<List<Integer>, Call> model) {
        List<byte[]> stored = cache.get(modelName, keys, missing -> {
            Call call = model.apply(missing);
            check(call, missing.size());
            calls.add(call);
            return items(call, missing.stream().map(texts::get).toList());
        });
        // Each has its own, since a program may normalise a vector in its place.
        return stored.stream().map(Vectors::vector).toList();
    }

    private static void check(Call call, int count) {
        if (call.embeddings() == null || call.embeddings().size() != count) {
            throw new UnusableException("the model gave other than the " + count + " vectors that it was asked for");
        }
        for (Embedding embedding : call.embeddings()) {
            if (embedding == null || embedding.vector() == null) {
                throw new UnusableException("the model gave no vector for a text");
            }
        }
    }

    /** Shares the tokens of a call out by the lengths of the texts, so that they add up. */
    private static List<ItemCache.Item> items(Call call, List<String> texts) {
        Integer counted = call.usage() == null ? null : call.usage().inputTokenCount();
        long total = 0;
        for (String text : texts) {
            total += weight(text);
        }
        List<ItemCache.Item> items = new ArrayList<>(texts.size());
        long sum = 0;
        for (int i = 0; i < texts.size(); i++) {
            long before = sum;
            sum += weight(texts.get(i));
            long tokens = counted == null ? AnswerFacts.UNKNOWN : counted * sum / total - counted * before / total;
            items.add(new ItemCache.Item(bits(call.embeddings().get(i)), tokens));
        }
        return items;
    }

    private static long weight(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length + 1L;
    }

    private static byte[] bits(Embedding embedding) {
        float[] vector = embedding.vector();
        ByteBuffer bits = ByteBuffer.allocate(vector.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bits.asFloatBuffer().put(vector);
        return bits.array();
    }

    private static Embedding vector(byte[] bits) {
        float[] vector = new float[bits.length / Float.BYTES];
        ByteBuffer.wrap(bits).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(vector);
        return Embedding.from(vector);
    }

    /** What was used for what was fetched; null if the model does not say. */
    private TokenUsage usage() {
        TokenUsage usage = null;
        for (Call call : calls) {
            usage = usage == null ? call.usage() : TokenUsage.sum(usage, call.usage());
        }
        return calls.isEmpty() ? NOTHING_USED : usage;
    }

    /** A response in the shape of the model's own. */
    <T> Response<T> response(T content) {
        Response<?> last = calls.isEmpty()
                ? null
                : (Response<?>) calls.get(calls.size() - 1).whole();
        return last == null
                ? Response.from(content, usage())
                : Response.from(content, usage(), last.finishReason(), last.metadata());
    }

    /** @param modelName if no call was made, which would tell */
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
