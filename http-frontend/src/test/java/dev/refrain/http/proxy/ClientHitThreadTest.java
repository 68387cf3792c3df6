package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.testing.ScriptedProvider;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A hit through each client, streamed and not, blocking and not, uses no thread of the cache. The thread of the
 * program, or of the SDK, is enough.
 */
class ClientHitThreadTest {
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
    void aHitNeedsNoThread(String client) throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        AtomicBoolean isOver = new AtomicBoolean();
        RefrainOptions options = RefrainOptions.builder()
                .executor(task -> {
                    if (isOver.get()) {
                        throw new RejectedExecutionException("no more threads");
                    }
                    threads.execute(task);
                })
                .build();
        try (ScriptedProvider provider = new ScriptedProvider().does(SharedByProgramsKillIT::answer);
                ResponseCache cache = ResponseCache.onHeap(16 << 20).open()) {
            CachingProgram.Client asking =
                    CachingProgram.client(client, provider.base().toString(), cache, options);
            for (int prompt = 0; prompt < 2; prompt++) {
                assertThat(asking.ask(prompt).text()).isEqualTo(SharedByProgramsKillIT.text(prompt));
            }
            // From here on the provider cannot be called, and nothing can run on the cache's threads.
            threads.shutdown();
            assertThat(threads.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
            isOver.set(true);
            for (int prompt = 0; prompt < 2; prompt++) {
                CachingProgram.Answer answer = asking.ask(prompt);
                assertThat(answer.text()).isEqualTo(SharedByProgramsKillIT.text(prompt));
                assertThat(answer.isHit()).isTrue();
            }
            assertThat(provider.calls()).isEqualTo(2);
        } finally {
            threads.shutdownNow();
        }
    }
}
