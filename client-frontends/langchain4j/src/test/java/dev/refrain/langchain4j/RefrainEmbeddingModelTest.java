package dev.refrain.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.document.Metadata;
import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.image.Image;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.cohere.HiddenSettingsModel;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import dev.langchain4j.model.embedding.listener.EmbeddingModelResponseContext;
import dev.langchain4j.model.embedding.request.EmbeddingInput;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.langchain4j.model.embedding.response.EmbeddingResponse;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.output.TokenUsage;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.semantics.client.RequestRecord;
import dev.refrain.testing.MovableClock;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** An embedding model with the line that adds the cache, which stores each text by itself. */
@Timeout(120)
class RefrainEmbeddingModelTest {
    @TempDir
    Path folder;

    private ResponseCache cache;

    @BeforeEach
    void open() throws IOException {
        cache = ResponseCache.onHeap(16 << 20).open();
    }

    @AfterEach
    void close() {
        cache.close();
    }

    static List<TextSegment> segments(String... texts) {
        return List.of(texts).stream().map(TextSegment::from).toList();
    }

    static void assertGives(Response<List<Embedding>> response, TextModel model, String... texts) {
        assertThat(response.content().stream().map(TextModel::bits).toList())
                .usingRecursiveComparison()
                .isEqualTo(List.of(texts).stream()
                        .map(model::vector)
                        .map(TextModel::bits)
                        .toList());
    }

    @Test
    void allMissingTextsTakeOneCall() {
        TextModel model = new TextModel("m");
        EmbeddingModel cached = RefrainEmbeddingModel.of(model, cache);
        cached.embedAll(segments("one", "two"));
        Response<List<Embedding>> response = cached.embedAll(segments("three", "one", "four", "three", "two"));
        assertGives(response, model, "three", "one", "four", "three", "two");
        assertThat(model.calls).containsExactly(List.of("one", "two"), List.of("three", "four"));
        assertThat(response.tokenUsage()).isEqualTo(new TokenUsage(9, 0, 9));
        assertThat(cache.admin().stats().hits()).isEqualTo(2);
        assertThat(cache.admin().stats().tokensSaved()).isEqualTo(6);
    }

    @Test
    void aTextIsTheSameByEveryMethodOfTheModel() {
        TextModel model = new TextModel("m");
        EmbeddingModel cached = RefrainEmbeddingModel.of(model, cache);
        cached.embed("hi");
        assertThat(TextModel.bits(cached.embed(TextSegment.from("hi")).content()))
                .isEqualTo(TextModel.bits(model.vector("hi")));
        EmbeddingResponse response =
                cached.embed(EmbeddingRequest.builder().inputs("hi", "ho").build());
        assertThat(TextModel.bits(response.embeddings().get(0))).isEqualTo(TextModel.bits(model.vector("hi")));
        assertThat(response.modelName()).isEqualTo("m");
        assertThat(response.tokenUsage()).isEqualTo(new TokenUsage(2, 0, 2));
        assertThat(cached.embed(EmbeddingRequest.builder().inputs("ho").build()).tokenUsage())
                .isEqualTo(new TokenUsage(0, 0, 0));
        assertThat(cached.dimension()).isEqualTo(TextModel.DIMENSION);
        assertThat(model.calls).containsExactly(List.of("hi"), List.of("ho"), List.of("test"));
    }

    /** A program may normalise a vector in place. */
    @Test
    void everyCallerOwnsItsVectors() {
        TextModel model = new TextModel("m");
        EmbeddingModel cached = RefrainEmbeddingModel.of(model, cache);
        List<Embedding> twice = cached.embedAll(segments("a", "a")).content();
        twice.get(0).vector()[1] = 42;
        assertThat(TextModel.bits(twice.get(1))).isEqualTo(TextModel.bits(model.vector("a")));
        assertThat(TextModel.bits(cached.embed("a").content())).isEqualTo(TextModel.bits(model.vector("a")));
    }

    @Test
    void errorsAreTheModelsAndStoreNothing() {
        RuntimeException thrown = new IllegalStateException("429");
        TextModel model = new TextModel("m") {
            @Override
            public Response<List<Embedding>> embedAll(List<TextSegment> segments) {
                Response<List<Embedding>> response = super.embedAll(segments);
                if (calls.size() == 2) {
                    throw thrown;
                }
                return response;
            }
        };
        EmbeddingModel cached = RefrainEmbeddingModel.of(model, cache);
        cached.embed("a");
        assertThatThrownBy(() -> cached.embedAll(segments("a", "b"))).isSameAs(thrown);
        assertGives(cached.embedAll(segments("a", "b")), model, "a", "b");
        assertThat(model.calls).containsExactly(List.of("a"), List.of("b"), List.of("b"));
        assertThat(cache.admin().joinableFlights()).isZero();
    }

    /** If a vector is missing, nobody knows which text each vector belongs to. Then nothing is cached. */
    @Test
    void aModelThatReturnsTooFewVectorsIsAskedForTheWholeBatch() {
        TextModel model = new TextModel("m") {
            @Override
            public Response<List<Embedding>> embedAll(List<TextSegment> segments) {
                Response<List<Embedding>> response = super.embedAll(segments);
                return segments.size() == 1
                        ? response
                        : Response.from(response.content().subList(1, segments.size()));
            }
        };
        EmbeddingModel cached = RefrainEmbeddingModel.of(model, cache);
        assertThat(cached.embedAll(segments("a", "b", "c")).content()).hasSize(2);
        assertThat(model.calls).containsExactly(List.of("a", "b", "c"), List.of("a", "b", "c"));
        assertGives(cached.embedAll(segments("b")), model, "b");
    }

    @Test
    void modelsAreNeverMixed() {
        TextModel one = new TextModel("one");
        TextModel other = new TextModel("other");
        RefrainEmbeddingModel.of(one, cache).embed("a");
        assertGives(RefrainEmbeddingModel.of(other, cache).embedAll(segments("a")), other, "a");
        EmbeddingModel nameless = new EmbeddingModel() {};
        assertThatThrownBy(() -> RefrainEmbeddingModel.of(nameless, cache))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("RefrainOptions.builder().upstream(");
        assertThatThrownBy(() -> RefrainEmbeddingModel.of(new HiddenSettingsModel(), cache))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("task type");
        for (String task : List.of("query", "document")) {
            TextModel model = new TextModel("unknown") {
                @Override
                Embedding vector(String text) {
                    return super.vector(task + text);
                }
            };
            RefrainOptions options = RefrainOptions.builder().upstream(task).build();
            assertGives(RefrainEmbeddingModel.of(model, cache, options).embedAll(segments("a")), model, "a");
        }
        assertThatThrownBy(() -> RefrainEmbeddingModel.of(RefrainEmbeddingModel.of(one, cache), cache))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void dimensionsAndOtherParametersCount() throws IOException {
        try (ScriptedProvider provider = new ScriptedProvider()) {
            provider.does((exchange, request) -> ScriptedProvider.json(
                    exchange,
                    200,
                    "{\"object\":\"list\",\"model\":\"m-2\",\"data\":[{\"object\":\"embedding\",\"index\":0,"
                            + "\"embedding\":[0.5,0.25]}],\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}"));
            for (int i = 0; i < 2; i++) {
                for (Integer dimensions : new Integer[] {null, 2, 3}) {
                    EmbeddingModel model = RefrainEmbeddingModel.of(
                            OpenAiEmbeddingModel.builder()
                                    .baseUrl(provider.base().toString())
                                    .apiKey("sk-test")
                                    .modelName("m")
                                    .dimensions(dimensions)
                                    .build(),
                            cache);
                    assertThat(model.embed("hi").content().vector()).containsExactly(0.5f, 0.25f);
                    EmbeddingRequest four =
                            EmbeddingRequest.builder().input("hi").dimensions(4).build();
                    assertThat(model.embed(four).embeddings().get(0).vector()).containsExactly(0.5f, 0.25f);
                }
            }
            // One call for each of the three models, and one for the request that sets its own dimensions.
            assertThat(provider.calls()).isEqualTo(4);
        }
    }

    @Test
    void metadataCountsButForTheSplittersNumber() {
        TextModel model = new TextModel("m");
        EmbeddingModel cached = RefrainEmbeddingModel.of(model, cache);
        cached.embedAll(List.of(
                TextSegment.from("a", Metadata.from("title", "T").put("index", "1")),
                TextSegment.from("a", Metadata.from("title", "T").put("index", "2")),
                TextSegment.from("a", Metadata.from("title", "U")),
                TextSegment.from("a", Metadata.from("index", "7")),
                TextSegment.from("a")));
        assertThat(model.calls).containsExactly(List.of("a", "a", "a"));
    }

    @Test
    void aRequestWithoutTextBypassesTheCache() {
        List<EmbeddingRequest> passed = new ArrayList<>();
        TextModel model = new TextModel("m") {
            @Override
            public EmbeddingResponse embed(EmbeddingRequest request) {
                passed.add(request);
                return EmbeddingResponse.builder()
                        .embeddings(List.of(vector("image")))
                        .build();
            }
        };
        EmbeddingRequest request = EmbeddingRequest.builder()
                .input(EmbeddingInput.from(
                        ImageContent.from(Image.builder().url("http://h/i.png").build())))
                .build();
        RefrainEmbeddingModel.of(model, cache).embed(request);
        RefrainEmbeddingModel.of(model, cache).embed(request);
        assertThat(passed).containsExactly(request, request);
    }

    @Test
    void optionsDecideWhatIsShared() throws IOException {
        MovableClock clock = new MovableClock();
        try (ResponseCache timed = ResponseCache.onHeap(16 << 20).clock(clock).open()) {
            TextModel model = new TextModel("m");
            EmbeddingModel plain = RefrainEmbeddingModel.of(model, timed);
            plain.embed("a");
            for (RefrainOptions.Builder options : List.of(
                    RefrainOptions.builder().on(false),
                    RefrainOptions.builder().namespace("n"),
                    RefrainOptions.builder().sample(1),
                    RefrainOptions.builder().scope("tenant"),
                    RefrainOptions.builder().upstream("server"))) {
                RefrainEmbeddingModel.of(model, timed, options.build()).embed("a");
            }
            assertThat(model.calls).hasSize(6);
            RefrainEmbeddingModel.of(
                            model, timed, RefrainOptions.builder().scope("").build())
                    .embed("a");
            assertThat(model.calls).hasSize(6);
            EmbeddingModel brief = RefrainEmbeddingModel.of(
                    model,
                    timed,
                    RefrainOptions.builder().ttl(Duration.ofSeconds(2)).build());
            brief.embed("b");
            clock.advance(Duration.ofSeconds(3));
            plain.embedAll(segments("a", "b"));
            assertThat(model.calls).hasSize(8).last().isEqualTo(List.of("b"));
        }
    }

    @Test
    void aFileKeepsVectorsOverARestart() throws IOException {
        TextModel model = new TextModel("m");
        Path file = folder.resolve("vectors.refrain");
        String[] texts = IntStream.range(0, 500).mapToObj(i -> "text " + i).toArray(String[]::new);
        for (int start = 0; start < 2; start++) {
            try (ResponseCache onFile = ResponseCache.open(file, 32 << 20)) {
                EmbeddingModel cached = RefrainEmbeddingModel.of(
                        model,
                        onFile,
                        RefrainOptions.builder().ttl(Duration.ofHours(1)).build());
                assertGives(cached.embedAll(segments(texts)), model, texts);
                assertThat(cached.embed("text 0").content().dimension()).isEqualTo(TextModel.DIMENSION);
            }
        }
        assertThat(model.calls).containsExactly(List.of(texts));
    }

    @Test
    void listenersHearOfAllAndTheLogOfEachText() {
        record Told(String outcome, long bytes, boolean broken) {}
        List<Told> log = new CopyOnWriteArrayList<>();
        RefrainOptions options = RefrainOptions.builder()
                .log((endpoint, caller) -> new RequestRecord() {
                    private CacheOutcome outcome;
                    private long bytes;

                    @Override
                    public String cost(Savings savings) {
                        return null;
                    }

                    @Override
                    public void asked(CacheOutcome ifItFails, CacheKey key, CacheRequest request) {
                        assertThat(request.model()).isEqualTo("m");
                    }

                    @Override
                    public void head(int status, String id, CacheOutcome of) {
                        outcome = of;
                    }

                    @Override
                    public void wrote(long count) {
                        bytes += count;
                    }

                    @Override
                    public void served(boolean broken) {
                        log.add(new Told(outcome.getClass().getSimpleName(), bytes, broken));
                    }
                })
                .build();
        List<Integer> heard = new ArrayList<>();
        EmbeddingModel cached = RefrainEmbeddingModel.of(new TextModel("m"), cache, options)
                .addListener(new EmbeddingModelListener() {
                    @Override
                    public void onResponse(EmbeddingModelResponseContext context) {
                        heard.add(context.textSegments().size());
                    }
                });
        cached.embedAll(segments("a", "b"));
        cached.embedAll(segments("b", "b", "c"));
        assertThat(heard).containsExactly(2, 3);
        long length = TextModel.DIMENSION * 4L;
        assertThat(log)
                .containsExactly(
                        new Told("Miss", length, false),
                        new Told("Miss", length, false),
                        new Told("Hit", length, false),
                        new Told("Miss", length, false));
    }
}
