package dev.refrain.http.proxy;

import static dev.refrain.http.proxy.WireTest.CHAT;
import static dev.refrain.http.proxy.WireTest.CHAT_ANSWER;
import static dev.refrain.http.proxy.WireTest.CHAT_REQUEST;
import static dev.refrain.http.proxy.WireTest.GENERATION;
import static dev.refrain.http.proxy.WireTest.header;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code kill -9} while requests are logged: the next start has all of the log except its last second (wire rule W61).
 */
class ActivityKillIT {
    private static final long LOSS_NANOS = TimeUnit.MILLISECONDS.toNanos(1500);

    @TempDir
    Path folder;

    private record Answered(String id, long atNanos) {}

    @Test
    void allButTheLastSecondSurvives() throws Exception {
        try (ScriptedProvider provider = new ScriptedProvider()) {
            provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, CHAT_ANSWER));
            List<Answered> answers = new ArrayList<>();
            long killedAt;
            try (RunningJar jar = RunningJar.start(folder, provider.base())) {
                long end = System.nanoTime() + 3 * LOSS_NANOS;
                while (System.nanoTime() < end) {
                    String id = header(jar.cached(CHAT, CHAT_REQUEST), GENERATION);
                    answers.add(new Answered(id, System.nanoTime()));
                }
                killedAt = System.nanoTime();
                jar.kill();
                jar.ended();
            }
            Path log = folder.resolve("answers.refrain.activity");
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(log)))
                    .isEqualTo("rw-------");
            int calls = provider.calls();
            try (RunningJar jar = RunningJar.start(folder, provider.base())) {
                // Asks for enough records to see gaps. The first is left out: it was a miss, and the provider has its
                // record (W60).
                for (int i = 1; i < answers.size(); i += Math.max(1, answers.size() / 200)) {
                    Answered answer = answers.get(i);
                    if (killedAt - answer.atNanos() > LOSS_NANOS) {
                        assertThat(jar.send(HttpRequest.newBuilder(jar.uri("/v1/generation?id=" + answer.id()))
                                                .header("Authorization", "Bearer sk-test"))
                                        .body())
                                .contains("\"id\":\"" + answer.id() + "\"");
                    }
                }
                assertThat(provider.calls()).isEqualTo(calls);
                assertThat(jar.terminate().ended().err()).doesNotContain("damaged", "not logged");
            }
        }
    }
}
