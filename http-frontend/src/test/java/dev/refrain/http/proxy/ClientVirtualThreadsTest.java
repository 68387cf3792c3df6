package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.output.Response;
import dev.refrain.engine.ResponseCache;
import dev.refrain.langchain4j.RefrainEmbeddingModel;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.testing.ScriptedProvider;
import dev.refrain.testing.VirtualThreads;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A program's virtual threads use a cached client: misses, joined calls and hits, streamed and not. */
@EnabledForJreRange(min = JRE.JAVA_24, disabledReason = "before JEP 491 every monitor pins")
class ClientVirtualThreadsTest {
    private static final int THREADS = 60;
    private static final int PROMPTS = 6;

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "okhttp",
                "openai",
                "openai-async",
                "anthropic",
                "anthropic-async",
                "langchain4j",
                "jdk",
                "jdk-async"
            })
    void nothingPins(String client) throws Exception {
        try (ScriptedProvider provider = new ScriptedProvider().does(SharedByProgramsKillIT::answer)) {
            assertThat(VirtualThreads.pins(folder, () -> work(client, provider)))
                    .isEmpty();
        }
    }

    /** Overlapping batches of texts, so that most of them wait for another batch's call. */
    @Test
    void nothingPinsForItems() throws Exception {
        assertThat(VirtualThreads.pins(folder, this::embed)).isEmpty();
    }

    private void embed() throws Exception {
        AtomicInteger texts = new AtomicInteger();
        EmbeddingModel slow = new EmbeddingModel() {
            @Override
            public Response<List<Embedding>> embedAll(List<TextSegment> segments) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
                texts.addAndGet(segments.size());
                return Response.from(segments.stream()
                        .map(segment ->
                                Embedding.from(new float[] {1, segment.text().hashCode()}))
                        .toList());
            }
        };
        ExecutorService threads = VirtualThreads.executor();
        RefrainOptions options = RefrainOptions.builder().upstream("slow").build();
        try (ResponseCache cache = ResponseCache.onHeap(16 << 20).open()) {
            EmbeddingModel model = RefrainEmbeddingModel.of(slow, cache, options);
            List<Future<List<Embedding>>> answers = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                List<TextSegment> batch = List.of(text(i), text(i + 1), text(i + 2));
                answers.add(threads.submit(() -> model.embedAll(batch).content()));
            }
            for (int i = 0; i < THREADS; i++) {
                assertThat(answers.get(i).get(60, TimeUnit.SECONDS))
                        .extracting(vector -> vector.vector()[1])
                        .containsExactly(hash(i), hash(i + 1), hash(i + 2));
            }
        } finally {
            threads.shutdown();
        }
        assertThat(texts).hasValue(PROMPTS);
    }

    private static TextSegment text(int i) {
        return TextSegment.from("p-" + i % PROMPTS);
    }

    private static float hash(int i) {
        return text(i).text().hashCode();
    }

    private void work(String name, ScriptedProvider provider) throws Exception {
        ExecutorService threads = VirtualThreads.executor();
        RefrainOptions options = RefrainOptions.builder().executor(threads).build();
        int before = provider.calls();
        try (ResponseCache cache = ResponseCache.builder(
                        Files.createTempDirectory(folder, "cache").resolve("answers.refrain"))
                .capacityBytes(16 << 20)
                .open()) {
            CachingProgram.Client client =
                    CachingProgram.client(name, provider.base().toString(), cache, options);
            List<Future<CachingProgram.Answer>> answers = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                int prompt = i % PROMPTS;
                answers.add(threads.submit(() -> {
                    assertThat(client.ask(prompt).text()).isEqualTo(SharedByProgramsKillIT.text(prompt));
                    return client.ask(prompt);
                }));
            }
            for (Future<CachingProgram.Answer> answer : answers) {
                assertThat(answer.get(60, TimeUnit.SECONDS).isHit()).isTrue();
            }
        } finally {
            threads.shutdown();
        }
        assertThat(provider.calls() - before).isEqualTo(PROMPTS);
    }
}
