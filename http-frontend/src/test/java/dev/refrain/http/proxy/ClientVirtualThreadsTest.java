package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.ResponseCache;
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
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A program's virtual threads that use a cached client: misses, joined calls and hits, streamed and not. */
@EnabledForJreRange(min = JRE.JAVA_24, disabledReason = "before JEP 491 every monitor pins")
class ClientVirtualThreadsTest {
    private static final int THREADS = 60;
    private static final int PROMPTS = 6;

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"okhttp", "openai", "anthropic", "langchain4j", "jdk"})
    void nothingPins(String client) throws Exception {
        try (ScriptedProvider provider = new ScriptedProvider().does(SharedByProgramsKillIT::answer)) {
            assertThat(VirtualThreads.pins(folder, () -> work(client, provider)))
                    .isEmpty();
        }
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
