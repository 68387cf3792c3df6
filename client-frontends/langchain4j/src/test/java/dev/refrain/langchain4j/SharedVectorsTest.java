package dev.refrain.langchain4j;

import static dev.refrain.langchain4j.RefrainEmbeddingModelTest.assertGives;
import static dev.refrain.langchain4j.RefrainEmbeddingModelTest.segments;
import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.output.TokenUsage;
import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.client.RefrainOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Threads that ask for the same texts at the same moment. */
@Timeout(120)
class SharedVectorsTest {
    @TempDir
    Path folder;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private ResponseCache cache;

    @BeforeEach
    void open() throws IOException {
        cache = ResponseCache.onHeap(16 << 20).open();
    }

    @AfterEach
    void close() {
        threads.shutdownNow();
        cache.close();
    }

    /** A model whose calls for one text wait until the test lets them go on. */
    private static final class HeldModel extends TextModel {
        private final String held;
        private final CountDownLatch called = new CountDownLatch(1);
        private final CountDownLatch goOn = new CountDownLatch(1);
        private volatile RuntimeException thrown;

        HeldModel(String held) {
            super("m");
            this.held = held;
        }

        @Override
        public Response<List<Embedding>> embedAll(List<TextSegment> segments) {
            Response<List<Embedding>> response = super.embedAll(segments);
            if (segments.get(0).text().equals(held) && called.getCount() > 0) {
                called.countDown();
                try {
                    goOn.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                if (thrown != null) {
                    throw thrown;
                }
            }
            return response;
        }
    }

    @Test
    void aTextThatAnotherThreadFetchesIsAwaited() throws Exception {
        HeldModel model = new HeldModel("a");
        EmbeddingModel cached = RefrainEmbeddingModel.of(model, cache);
        Future<Response<List<Embedding>>> first = threads.submit(() -> cached.embedAll(segments("a", "b")));
        model.called.await();
        Future<Response<List<Embedding>>> second = threads.submit(() -> cached.embedAll(segments("b", "c")));
        // The second thread fetches its own text before it waits for the other's.
        until(() -> model.calls.size() >= 2);
        assertThat(second).isNotDone();
        model.goOn.countDown();
        assertGives(first.get(), model, "a", "b");
        Response<List<Embedding>> joined = second.get();
        assertGives(joined, model, "b", "c");
        assertThat(joined.tokenUsage()).isEqualTo(new TokenUsage(1, 0, 1));
        assertThat(model.calls).containsExactly(List.of("a", "b"), List.of("c"));
        assertThat(cache.admin().stats().collapsed()).isEqualTo(1);
    }

    @Test
    void aBatchThatWaitsForAFailingCallMakesItsOwn() throws Exception {
        HeldModel model = new HeldModel("a");
        model.thrown = new IllegalStateException("500");
        EmbeddingModel cached = RefrainEmbeddingModel.of(model, cache);
        Future<Response<List<Embedding>>> first = threads.submit(() -> cached.embedAll(segments("a", "b")));
        model.called.await();
        Future<Response<List<Embedding>>> second = threads.submit(() -> cached.embedAll(segments("b", "c")));
        until(() -> cache.admin().stats().collapsed() >= 1);
        model.goOn.countDown();
        assertThatThrownBy(first::get).hasCause(model.thrown);
        assertGives(second.get(), model, "b", "c");
        assertThat(cache.admin().joinableFlights()).isZero();
    }

    @Test
    void anInterruptedThreadWaitsNoLonger() throws Exception {
        HeldModel model = new HeldModel("a");
        EmbeddingModel cached = RefrainEmbeddingModel.of(model, cache);
        Future<Response<List<Embedding>>> first = threads.submit(() -> cached.embedAll(segments("a")));
        model.called.await();
        List<Throwable> thrown = new CopyOnWriteArrayList<>();
        Thread waiting = new Thread(() -> cached.embedAll(segments("a")));
        waiting.setUncaughtExceptionHandler((thread, e) -> thrown.add(e));
        waiting.start();
        until(() -> cache.admin().stats().collapsed() >= 1);
        waiting.interrupt();
        waiting.join();
        assertThat(thrown).singleElement().isInstanceOf(IllegalStateException.class);
        model.goOn.countDown();
        assertGives(first.get(), model, "a");
    }

    /** The cache gives up on a call that takes too long; the program that makes it does not. */
    @Test
    void aSlowModelIsNoFaultOfTheProgram() throws Exception {
        HeldModel model = new HeldModel("a");
        try (ResponseCache impatient = ResponseCache.onHeap(16 << 20)
                .upstreamTimeout(Duration.ofMillis(1))
                .open()) {
            EmbeddingModel cached = RefrainEmbeddingModel.of(model, impatient);
            Future<Response<List<Embedding>>> slow = threads.submit(() -> cached.embedAll(segments("a", "b")));
            model.called.await();
            until(() -> impatient.admin().joinableFlights() <= 0);
            model.goOn.countDown();
            assertGives(slow.get(), model, "a", "b");
        }
    }

    @Test
    void overlappingBatchesFetchEachTextOnce() throws Exception {
        int count = 12;
        int rounds = 20;
        TextModel model = new TextModel("m");
        try (ResponseCache onFile = ResponseCache.open(folder.resolve("stress.refrain"), 32 << 20)) {
            EmbeddingModel cached = RefrainEmbeddingModel.of(
                    model,
                    onFile,
                    RefrainOptions.builder().ttl(Duration.ofHours(1)).build());
            CyclicBarrier round = new CyclicBarrier(count);
            List<Future<?>> done = new ArrayList<>();
            for (int thread = 0; thread < count; thread++) {
                int number = thread;
                done.add(threads.submit(() -> {
                    for (int r = 0; r < rounds; r++) {
                        round.await(60, TimeUnit.SECONDS);
                        int first = r * 20 + number;
                        // Half of the threads ask in reverse order, so that each waits for another.
                        String[] texts = IntStream.range(0, 20)
                                .mapToObj(i -> "text " + (first + (number % 2 == 0 ? i : 19 - i)))
                                .toArray(String[]::new);
                        assertGives(cached.embedAll(segments(texts)), model, texts);
                    }
                    return null;
                }));
            }
            for (Future<?> each : done) {
                each.get(120, TimeUnit.SECONDS);
            }
            List<String> fetched = model.calls.stream().flatMap(List::stream).toList();
            assertThat(fetched).doesNotHaveDuplicates().hasSize(rounds * 20 + count - 1);
            assertThat(onFile.admin().joinableFlights()).isZero();
        }
    }
}
