package dev.refrain.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.CachedResponse;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.testing.ChildJvm;
import dev.refrain.testing.ScriptedProvider;
import java.lang.ref.WeakReference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;

/** A program under DevTools, which restarts it in the same process, with a new class loader, when classes change. */
class DevToolsRestartTest {
    private static final String TRIGGER = "restart.trigger";

    @TempDir
    Path folder;

    /** Each run has its own copy of this class; runs share state through system properties. */
    @EnableAutoConfiguration
    static class Program {
        private static final String FIRST = "refrain.test.first";

        public static void main(String[] arguments) throws Exception {
            ConfigurableApplicationContext context = new SpringApplicationBuilder(Program.class)
                    .web(WebApplicationType.NONE)
                    .run(arguments);
            ResponseCache cache = context.getBean(ResponseCache.class);
            CacheKey key = cache.key(CacheRequest.of(
                            Endpoint.CHAT, "sk-test", "{\"model\":\"m\"}".getBytes(StandardCharsets.UTF_8)))
                    .orElseThrow();
            Object before = System.getProperties().get(FIRST);
            if (before == null) {
                byte[] answer = ScriptedProvider.COMPLETE.getBytes(StandardCharsets.UTF_8);
                cache.store(key, "application/json", answer, Duration.ofMinutes(5));
                System.getProperties().put(FIRST, new WeakReference<>(Program.class.getClassLoader()));
                Path folder = Path.of(context.getEnvironment().getProperty("folder"));
                Files.writeString(folder.resolve("Changed.class"), "new");
                Files.writeString(folder.resolve(TRIGGER), "changed");
                return;
            }
            WeakReference<?> first = (WeakReference<?>) before;
            boolean isNew = !first.refersTo(null) && first.get() != Program.class.getClassLoader();
            System.out.println("restarted: " + isNew + ", found: " + cache.lookup(key, new CachedResponse()));
            System.out.println("left over: "
                    + Thread.getAllStackTraces().keySet().stream()
                            .filter(thread -> thread.getContextClassLoader() == first.get())
                            .map(Thread::getName)
                            // Reactor and the JDK end their idle threads after a minute.
                            .filter(name -> !name.startsWith("boundedElastic") && !name.equals("process reaper"))
                            .toList());
            context.close();
            System.exit(0);
        }
    }

    @Test
    void theFileIsClosedAndOpenedAnewAndNothingIsKeptOfTheFirstRun() throws Exception {
        Files.writeString(folder.resolve(TRIGGER), "as it was");
        ChildJvm.Result result = ChildJvm.run(ChildJvm.builder(
                Program.class,
                "--folder=" + folder,
                "--refrain.store=" + folder.resolve("answers.refrain"),
                "--refrain.capacity=16MB",
                "--refrain.console.enabled=true",
                "--refrain.console.port=0",
                "--spring.ai.openai.api-key=sk-test",
                "--spring.ai.anthropic.api-key=sk-test",
                "--spring.devtools.restart.trigger-file=" + TRIGGER,
                "--spring.devtools.restart.additional-paths=" + folder,
                "--spring.devtools.restart.poll-interval=100ms",
                "--spring.devtools.restart.quiet-period=50ms"));
        assertThat(result.out()).as(result.err()).contains("restarted: true, found: true", "left over: []");
        assertThat(result.out() + result.err()).doesNotContain("WARN", "ERROR");
        assertThat(result.exit()).isZero();
    }
}
