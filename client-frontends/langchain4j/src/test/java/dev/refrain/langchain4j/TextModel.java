package dev.refrain.langchain4j;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.output.TokenUsage;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;

/** A model whose vectors are random bits, seeded by its name and the text. Each character counts as a token. */
class TextModel implements EmbeddingModel {
    static final int DIMENSION = 24;

    private final String name;
    /** The texts of each call. */
    final List<List<String>> calls = new CopyOnWriteArrayList<>();

    TextModel(String name) {
        this.name = name;
    }

    @Override
    public Response<List<Embedding>> embedAll(List<TextSegment> segments) {
        List<String> texts = segments.stream().map(TextSegment::text).toList();
        calls.add(texts);
        return Response.from(texts.stream().map(this::vector).toList(), usage(texts));
    }

    Embedding vector(String text) {
        Random random = new Random(text.hashCode() * 31L + name.hashCode());
        float[] vector = new float[DIMENSION];
        for (int i = 0; i < DIMENSION; i++) {
            // Any bit pattern, NaN included.
            vector[i] = Float.intBitsToFloat(random.nextInt());
        }
        vector[0] = -0.0f;
        return Embedding.from(vector);
    }

    static TokenUsage usage(List<String> texts) {
        int tokens = texts.stream().mapToInt(String::length).sum();
        return new TokenUsage(tokens, 0, tokens);
    }

    @Override
    public String modelName() {
        return name;
    }

    static int[] bits(Embedding embedding) {
        int[] bits = new int[embedding.dimension()];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(embedding.vector()[i]);
        }
        return bits;
    }
}
