package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.testing.ScriptedProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A program's virtual threads that use a cached client: misses, joined calls and hits, streamed and not. */
@EnabledForJreRange(min = JRE.JAVA_24, disabledReason = "before JEP 491 every monitor pins")
class ClientVirtualThreadsTest {
    private static final String PINNED = "jdk.VirtualThreadPinned";
    private static final int THREADS = 60;
    private static final int PROMPTS = 6;

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"okhttp", "openai", "langchain4j", "jdk"})
    void nothingPins(String client) throws Exception {
        try (ScriptedProvider provider = new ScriptedProvider().does(SharedByProgramsKillIT::answer)) {
            // Loading and initialising a class pins; most of that is over after this.
            work(client, provider);
            Path file = folder.resolve("pinned.jfr");
            try (Recording recording = new Recording()) {
                recording.enable(PINNED).withoutThreshold().withStackTrace();
                recording.start();
                work(client, provider);
                recording.stop();
                recording.dump(file);
            }
            List<RecordedEvent> ours = RecordingFile.readAllEvents(file).stream()
                    .filter(event -> event.getEventType().getName().equals(PINNED))
                    .filter(event -> String.valueOf(event.getStackTrace()).contains("dev.refrain"))
                    .filter(event -> !event.toString().contains("ClassLoader"))
                    .filter(event -> !event.toString().contains("initialization of"))
                    .toList();
            assertThat(ours).isEmpty();
        }
    }

    private void work(String name, ScriptedProvider provider) throws Exception {
        ExecutorService threads = virtualThreads();
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

    /** The language level is 17. */
    private static ExecutorService virtualThreads() throws ReflectiveOperationException {
        return (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    }
}
