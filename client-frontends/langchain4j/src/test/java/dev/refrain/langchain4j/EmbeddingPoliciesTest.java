package dev.refrain.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.semantics.client.RequestRecord;
import dev.refrain.semantics.policy.Policies;
import dev.refrain.semantics.policy.Policy;
import dev.refrain.testing.MovableClock;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A program's policies hold for an embedding model's texts, too (wire rule W81). */
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

    private static RefrainOptions policy(
            Policy.Match match, Policy.Caching caching, Duration maxTtl, Policy.Mode mode) {
        Policy policy = new Policy("p", match, caching, null, maxTtl, mode, null, true, null);
        return RefrainOptions.builder()
                .ttl(Duration.ofHours(1))
                .policies(new Policies(List.of(policy)))
                .build();
    }

    private static Policy.Match ofModel(String name) {
        return new Policy.Match(null, name, null, null);
    }

    @Test
    void w81_aPolicyThatSaysNeverHoldsForItsModelAndLeavesNothing() {
        RefrainOptions options = policy(ofModel("secret*"), Policy.Caching.NEVER, null, Policy.Mode.READ_WRITE);
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
        Policy.Match embeddings = new Policy.Match(null, null, Endpoint.EMBEDDINGS, null);
        EmbeddingModel cached = RefrainEmbeddingModel.of(
                off, cache, policy(embeddings, Policy.Caching.OFF, null, Policy.Mode.READ_WRITE));
        cached.embed("a");
        cached.embed("a");
        assertThat(off.calls).hasSize(2);
        TextModel on = new TextModel("on");
        Policy policy =
                new Policy("p", ofModel("on"), Policy.Caching.ON, null, null, Policy.Mode.READ_WRITE, null, true, null);
        EmbeddingModel turnedOn = RefrainEmbeddingModel.of(
                on,
                cache,
                RefrainOptions.builder()
                        .on(false)
                        .policies(new Policies(List.of(policy)))
                        .build());
        turnedOn.embed("a");
        turnedOn.embed("a");
        assertThat(on.calls).hasSize(1);
    }

    @Test
    void w81_aPolicySaysWhatTheStoreMayDo() {
        TextModel model = new TextModel("m");
        EmbeddingModel reader =
                RefrainEmbeddingModel.of(model, cache, policy(ofModel("m"), null, null, Policy.Mode.READ_ONLY));
        EmbeddingModel writer =
                RefrainEmbeddingModel.of(model, cache, policy(ofModel("m"), null, null, Policy.Mode.WRITE_ONLY));
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
            EmbeddingModel cached = RefrainEmbeddingModel.of(
                    model, timed, policy(ofModel("m"), null, Duration.ofSeconds(10), Policy.Mode.READ_WRITE));
            cached.embed("a");
            clock.advance(Duration.ofSeconds(9));
            cached.embed("a");
            assertThat(model.calls).hasSize(1);
            clock.advance(Duration.ofSeconds(2));
            cached.embed("a");
            assertThat(model.calls).hasSize(2);
        }
    }

    @Test
    void w81_theLogHearsWhichPolicyHolds() {
        List<String> names = new CopyOnWriteArrayList<>();
        Policy policy =
                new Policy("embeddings", Policy.Match.ALL, null, null, null, Policy.Mode.READ_WRITE, null, true, null);
        RefrainOptions options = RefrainOptions.builder()
                .policies(new Policies(List.of(policy)))
                .log((endpoint, caller) -> new RequestRecord() {
                    @Override
                    public void policy(String name) {
                        names.add(name);
                    }

                    @Override
                    public String cost(Savings savings) {
                        return null;
                    }
                })
                .build();
        RefrainEmbeddingModel.of(new TextModel("m"), cache, options).embed("a");
        assertThat(names).containsExactly("embeddings");
    }
}
