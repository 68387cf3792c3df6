package dev.refrain.shared.redis;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.spi.SharedTier;
import dev.refrain.testing.RedisServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The set-ups of docs/cluster that are plain processes: each is started, used by the URI that it prints, and stopped.
 */
class RedisSetupsTest {
    private static final long MINUTE = 60_000;
    /** The number of servers in the largest set-up. */
    private static final int PORTS = 5;

    @TempDir
    Path folder;

    private String run(int port, String script, String... words) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder("/bin/sh", script);
        builder.command().addAll(List.of(words));
        builder.environment().put("PORT", "" + port);
        builder.environment().put("DIR", folder.toString());
        builder.environment().put("PASSWORD", "word");
        Path output = folder.resolve("output");
        // A pipe would stay open as long as the servers run.
        Process process = builder.redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        String text = Files.readString(output, StandardCharsets.UTF_8);
        assertThat(process.exitValue()).as(text).isZero();
        return text.strip();
    }

    @ParameterizedTest
    @ValueSource(strings = {"one", "sentinel", "cluster"})
    void aSetUpOfTheDocsWorks(String name) throws Exception {
        // Skips the test if no server is installed.
        new RedisServer().close();
        String script = Path.of("../docs/cluster", name + ".sh").toString();
        int port = RedisServer.freePorts(PORTS);
        String uri = run(port, script);
        try (RedisTier tier = RedisTier.open(RedisTierSettings.of(uri).withTimeout(Duration.ofSeconds(5)))) {
            byte[] key = new byte[SharedTier.KEY_LENGTH];
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            boolean works = false;
            // The nodes of a new cluster find each other gradually, and may lose each other again.
            while (!works) {
                assertThat(System.nanoTime()).as(uri).isLessThan(end);
                LockSupport.parkNanos(10_000_000);
                works = tier.put(key, new byte[3], 1, MINUTE)
                        .thenCompose(kept -> tier.get(key))
                        .thenCombine(
                                tier.raise(new byte[1]),
                                (found, raised) ->
                                        found.entry() != null && found.entry().length == 3 && raised.unheard() == 0)
                        .exceptionally(failure -> false)
                        .toCompletableFuture()
                        .get(30, TimeUnit.SECONDS);
            }
        } finally {
            run(port, script, "stop");
        }
    }
}
