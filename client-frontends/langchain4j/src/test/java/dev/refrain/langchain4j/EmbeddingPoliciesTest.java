package dev.refrain.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.langchain4j.model.output.Response;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.semantics.client.RequestRecord;
import dev.refrain.semantics.policy.Policy;
import dev.refrain.testing.MovableClock;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A program's policies also hold for the texts of an embedding model (wire rule W81). */
class EmbeddingPoliciesTest {
    private ResponseCache cache;

    @BeforeEach
    void open() throws IOException {
        cache = ResponseCache.onHeap(16 << 20).open();
    }

    @AfterEach
    void close() {
        cache.close();
    }

    private static RefrainOptions options(Policy.Builder policy) {
        return RefrainOptions.builder()
                .ttl(Duration.ofHours(1))
                .policies(policy.build())
                .build();
    }

    private static Policy.Builder ofModel(String name) {
        return Policy.builder("p").model(name);
    }

    @Test
    void w81_aPolicyThatSaysNeverHoldsForItsModelAndLeavesNothing() {
        RefrainOptions options = options(ofModel("secret*").cache(Policy.Caching.NEVER));
        TextModel secret = new TextModel("secret-1");
        EmbeddingModel cached = RefrainEmbeddingModel.of(secret, cache, options);
        for (int i = 0; i < 2; i++) {
            cached.embedAll(RefrainEmbeddingModelTest.segments("a", "a", "b"));
            cached.embed("a");
            cached.embed(EmbeddingRequest.builder().inputs("a", "b").build());
        }
        assertThat(secret.calls)
                .containsExactly(
                        List.of("a", "a", "b"),
                        List.of("a"),
                        List.of("a", "b"),
                        List.of("a", "a", "b"),
                        List.of("a"),
                        List.of("a", "b"));
        assertThat(cache.admin().stats().stores()).isZero();
        TextModel open = new TextModel("open");
        RefrainEmbeddingModel.of(open, cache, options).embed("a");
        RefrainEmbeddingModel.of(open, cache, options).embed("a");
        assertThat(open.calls).hasSize(1);
    }

    @Test
    void w81_aPolicyTurnsEmbeddingsOffAndOn() {
        TextModel off = new TextModel("off");
        Policy.Builder embeddings =
                Policy.builder("p").endpoint(Endpoint.EMBEDDINGS).cache(Policy.Caching.OFF);
        EmbeddingModel cached = RefrainEmbeddingModel.of(off, cache, options(embeddings));
        cached.embed("a");
        cached.embed("a");
        assertThat(off.calls).hasSize(2);
        TextModel on = new TextModel("on");
        Policy policy = ofModel("on").cache(Policy.Caching.ON).build();
        EmbeddingModel turnedOn = RefrainEmbeddingModel.of(
                on, cache, RefrainOptions.builder().on(false).policies(policy).build());
        turnedOn.embed("a");
        turnedOn.embed("a");
        assertThat(on.calls).hasSize(1);
    }

    @Test
    void w81_aPolicySaysWhatTheStoreMayDo() {
        TextModel model = new TextModel("m");
        EmbeddingModel reader =
                RefrainEmbeddingModel.of(model, cache, options(ofModel("m").mode(Policy.Mode.READ_ONLY)));
        EmbeddingModel writer =
                RefrainEmbeddingModel.of(model, cache, options(ofModel("m").mode(Policy.Mode.WRITE_ONLY)));
        reader.embed("a");
        reader.embed("a");
        assertThat(model.calls).hasSize(2);
        writer.embed("a");
        writer.embed("a");
        assertThat(model.calls).hasSize(4);
        reader.embed("a");
        assertThat(model.calls).hasSize(4);
    }

    @Test
    void w81_aPolicyBoundsTheLifetime() throws IOException {
        MovableClock clock = new MovableClock();
        TextModel model = new TextModel("m");
        try (ResponseCache timed = ResponseCache.onHeap(16 << 20).clock(clock).open()) {
            EmbeddingModel cached =
                    RefrainEmbeddingModel.of(model, timed, options(ofModel("m").maxTtl(Duration.ofSeconds(10))));
            cached.embed("a");
            clock.advance(Duration.ofSeconds(9));
            cached.embed("a");
            assertThat(model.calls).hasSize(1);
            clock.advance(Duration.ofSeconds(2));
            cached.embed("a");
            assertThat(model.calls).hasSize(2);
        }
    }

    /** The texts are fetched, found in the cache, not cached, or refused by the model. */
    @Test
    void w81_theLogNamesThePolicyOfEachRequest() {
        List<String> heard = new CopyOnWriteArrayList<>();
        RefrainOptions options = RefrainOptions.builder()
                .policies(
                        Policy.builder("secrets")
                                .model("secret")
                                .cache(Policy.Caching.NEVER)
                                .build(),
                        Policy.builder("others").build())
                .log((endpoint, caller) -> new Heard(heard))
                .build();
        RefrainEmbeddingModel.of(new TextModel("m"), cache, options).embed("a");
        RefrainEmbeddingModel.of(new TextModel("m"), cache, options).embed("a");
        EmbeddingModel secret = RefrainEmbeddingModel.of(new TextModel("secret"), cache, options);
        secret.embed("a");
        secret.embedAll(RefrainEmbeddingModelTest.segments("a", "b"));
        secret.embed(EmbeddingRequest.builder().inputs("a").build());
        EmbeddingModel refusing = RefrainEmbeddingModel.of(
                new TextModel("secret") {
                    @Override
                    public Response<List<Embedding>> embedAll(List<TextSegment> segments) {
                        throw new IllegalStateException("refused");
                    }
                },
                cache,
                options);
        assertThatThrownBy(() -> refusing.embed("a")).hasMessage("refused");
        assertThat(heard)
                .containsExactly(
                        "others Miss true",
                        "others Hit true",
                        "secrets null true",
                        "secrets null true",
                        "secrets null true",
                        "secrets null false");
    }

    private static final class Heard implements RequestRecord {
        private final List<String> heard;
        private String policy;
        private CacheOutcome outcome;

        Heard(List<String> heard) {
            this.heard = heard;
        }

        @Override
        public void policy(String name) {
            policy = name;
        }

        @Override
        public void head(int status, String generationId, CacheOutcome of) {
            outcome = of;
        }

        @Override
        public void served(boolean broken) {
            heard.add(
                    policy + " " + (outcome == null ? null : outcome.getClass().getSimpleName()) + " " + !broken);
        }

        @Override
        public String cost(Savings savings) {
            return null;
        }
    }
}
