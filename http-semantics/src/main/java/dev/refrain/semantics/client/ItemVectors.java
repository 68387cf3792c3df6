package dev.refrain.semantics.client;

import dev.refrain.engine.exchange.AnswerFacts;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** Vectors of texts in an {@link ItemCache}. A vector is stored as the bits of its floats, little-endian. Stateless. */
public final class ItemVectors {
    private ItemVectors() {}

    /**
     * The result of one call of the model.
     *
     * @param vectors null if the model gave none; a single vector may be null as well
     * @param promptTokens tokens that the provider counted, or null
     */
    public record Fetched(List<float[]> vectors, Integer promptTokens) {}

    /**
     * A model's answer cannot be matched with the texts. The caller then has to send its request to the model uncached.
     */
    public static final class UnusableException extends RuntimeException {
        private static final long serialVersionUID = 1;

        UnusableException(String message) {
            super(message);
        }
    }

    /**
     * The vectors of texts, in the order of the texts. Each array is the caller's own.
     *
     * @param model see {@link ItemCache#get}, as are the keys
     * @param texts one for each key; the tokens of a call are divided in proportion to their lengths
     * @param fetch see {@link ItemCache.Fetch}
     * @throws UnusableException if the model's vectors do not match the texts
     */
    public static List<float[]> get(
            ItemCache cache,
            String model,
            List<byte[]> keys,
            List<String> texts,
            Function<List<Integer>, Fetched> fetch) {
        List<byte[]> stored = cache.get(model, keys, missing -> {
            Fetched fetched = fetch.apply(missing);
            check(fetched.vectors(), missing.size());
            return items(fetched, missing.stream().map(texts::get).toList());
        });
        // Each text gets an array of its own, since a program may normalise a vector in place.
        return stored.stream().map(ItemVectors::vector).toList();
    }

    private static void check(List<float[]> vectors, int count) {
        if (vectors == null || vectors.size() != count) {
            throw new UnusableException(
                    "the model did not give one vector for each of the " + count + " texts that it was given");
        }
        for (float[] vector : vectors) {
            if (vector == null) {
                throw new UnusableException("the model gave no vector for a text");
            }
        }
    }

    /**
     * Divides the tokens of a call in proportion to the lengths of the texts, so that the parts add up to the total.
     */
    private static List<ItemCache.Item> items(Fetched fetched, List<String> texts) {
        Integer counted = fetched.promptTokens();
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
            items.add(new ItemCache.Item(bits(fetched.vectors().get(i)), tokens));
        }
        return items;
    }

    private static long weight(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length + 1L;
    }

    private static byte[] bits(float[] vector) {
        ByteBuffer bits = ByteBuffer.allocate(vector.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bits.asFloatBuffer().put(vector);
        return bits.array();
    }

    private static float[] vector(byte[] bits) {
        float[] vector = new float[bits.length / Float.BYTES];
        ByteBuffer.wrap(bits).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(vector);
        return vector;
    }
}
