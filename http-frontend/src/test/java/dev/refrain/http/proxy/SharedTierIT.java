package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.RedisServer;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Wire rule W90 with the jar: two processes that have nothing in common but a server and a secret. */
class SharedTierIT {
    @TempDir
    Path folder;

    private RunningJar start(ScriptedProvider provider, RedisServer redis, String name) throws IOException {
        Path own = Files.createDirectory(folder.resolve(name));
        Path config = own.resolve("refrain.yaml");
        Files.writeString(config, """
                shared:
                  uri: %s
                  secret-file: %s
                """.formatted(redis.uri(), folder.resolve("secret")));
        return RunningJar.start(own, provider.base(), "--config", config.toString());
    }

    @Test
    void w90_oneProcessHasWhatTheOtherHasFetched() throws IOException {
        Files.writeString(folder.resolve("secret"), "a secret of this cluster that nobody can guess\n");
        try (RedisServer redis = new RedisServer();
                ScriptedProvider provider = new ScriptedProvider();
                RunningJar one = start(provider, redis, "one");
                RunningJar other = start(provider, redis, "other")) {
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            HttpResponse<String> answer;
            int number = 0;
            do {
                // Until both are connected, and what one has fetched has been sent.
                assertThat(System.nanoTime()).isLessThan(end);
                String request = WireTest.CHAT_REQUEST.replace("hi", "hi " + number++);
                one.cached(WireTest.CHAT, request);
                answer = other.cached(WireTest.CHAT, request);
                assertThat(answer.body()).contains("finish_reason");
            } while (!WireTest.header(answer, "Cache-Status").startsWith("refrain-shared; hit"));
            WireTest.assertHit(answer);

            redis.kill();

            HttpResponse<String> miss = other.cached(WireTest.CHAT, WireTest.CHAT_REQUEST);
            assertThat(miss.statusCode()).isEqualTo(200);
            assertThat(WireTest.header(miss, "Cache-Status")).contains("; detail=shared-unavailable");
        }
    }
}
