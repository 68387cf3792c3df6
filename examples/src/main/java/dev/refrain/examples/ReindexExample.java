package dev.refrain.examples;

import dev.langchain4j.data.document.Document;
import dev.langchain4j.data.document.splitter.DocumentByParagraphSplitter;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel;
import dev.langchain4j.store.embedding.EmbeddingStoreIngestor;
import dev.langchain4j.store.embedding.inmemory.InMemoryEmbeddingStore;
import dev.refrain.engine.ResponseCache;
import dev.refrain.langchain4j.RefrainEmbeddingModel;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Indexes a document for retrieval, and then its next edition, in which one of three paragraphs has changed. The cache
 * stores vectors text by text, so the next edition costs only the changed paragraph.
 */
public final class ReindexExample {
    private static final int LONGEST_SEGMENT = 80;

    private static final String FIRST_EDITION = """
            Umbrellas are lent for a week. Whoever keeps one longer pays a coin.

            The shop is open from nine to five, but not while it snows hard.

            Wet umbrellas are hung up in the cellar, with their handles upwards.""";

    private static final String SECOND_EDITION = FIRST_EDITION.replace("nine to five", "ten to six");

    private ReindexExample() {}

    /**
     * Indexes both editions, and prints what the vectors have cost.
     *
     * @param arguments the provider's base URL, a key for it, and the cache's file
     */
    public static void main(String[] arguments) throws IOException {
        try (ResponseCache cache = ResponseCache.open(Path.of(arguments[2]), 64L << 20)) {
            EmbeddingModel model = RefrainEmbeddingModel.of(
                    OpenAiEmbeddingModel.builder()
                            .baseUrl(arguments[0])
                            .apiKey(arguments[1])
                            .modelName("demo")
                            .build(),
                    cache);
            System.out.println("first edition: " + index(model, FIRST_EDITION) + " tokens");
            System.out.println("second edition: " + index(model, SECOND_EDITION) + " tokens");
        }
    }

    /** Indexes a text. Returns how many tokens the provider has counted. */
    private static int index(EmbeddingModel model, String text) {
        return EmbeddingStoreIngestor.builder()
                .documentSplitter(new DocumentByParagraphSplitter(LONGEST_SEGMENT, 0))
                .embeddingModel(model)
                .embeddingStore(new InMemoryEmbeddingStore<TextSegment>())
                .build()
                .ingest(Document.from(text))
                .tokenUsage()
                .inputTokenCount();
    }
}
