package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.RedisServer;
import dev.refrain.testing.ScriptedProvider;
import dev.refrain.testing.TcpForwarder;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Wire rules W90 to W92 with the jar: three processes share only a server and a secret. One of them is cut off, killed
 * and started again.
 *
 * <p>A single test, because starting the processes takes most of its time.
 */
class SharedTierIT {
    /** Each answer of the provider has a number of its own. */
    private static final Pattern NUMBER = Pattern.compile("Answer (\\d+)");

    @TempDir
    Path folder;

    private final AtomicInteger numbers = new AtomicInteger();

    private RunningJar start(ScriptedProvider provider, int redis, String name) throws IOException {
        Path own = Files.createDirectories(folder.resolve(name));
        Path config = own.resolve("refrain.yaml");
        // A time limit that is longer than any pause of a busy machine: speed is not tested here.
        Files.writeString(config, """
                shared:
                  uri: redis://127.0.0.1:%d
                  secret-file: %s
                  timeout: 10s
                """.formatted(redis, folder.resolve("secret")));
        return RunningJar.start(own, provider.base(), "--config", config.toString());
    }

    private static boolean has(RunningJar jar, String metric) {
        try (InputStream in = jar.admin().resolve("metrics").toURL().openStream()) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).contains(metric);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String request(String word) {
        return WireTest.CHAT_REQUEST.replace("\"hi\"", "\"" + word + "\"");
    }

    private static HttpResponse<String> ask(RunningJar jar, String word, String... headers) {
        HttpResponse<String> answer = jar.cached(WireTest.CHAT, request(word), headers);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return answer;
    }

    private static int number(HttpResponse<String> answer) {
        Matcher number = NUMBER.matcher(answer.body());
        assertThat(number.find()).as(answer.body()).isTrue();
        return Integer.parseInt(number.group(1));
    }

    private static String cacheStatus(HttpResponse<String> answer) {
        return WireTest.header(answer, "Cache-Status");
    }

    @Test
    void w91_aProcessThatWasCutOffAndKilledAnnouncesAndLearnsRemovals() throws IOException {
        Files.writeString(folder.resolve("secret"), "a secret of this cluster that nobody can guess\n");
        try (RedisServer redis = new RedisServer();
                TcpForwarder line = new TcpForwarder(redis.port());
                ScriptedProvider provider = new ScriptedProvider()) {
            provider.does((exchange, request) -> ScriptedProvider.json(
                    exchange, 200, WireTest.CHAT_ANSWER.replace("Hello", "Answer " + numbers.incrementAndGet())));
            try (RunningJar one = start(provider, redis.port(), "one");
                    RunningJar other = start(provider, redis.port(), "other");
                    RunningJar third = start(provider, line.port(), "third")) {
                run(provider, line, one, other, third);
            }
        }
    }

    private void run(ScriptedProvider provider, TcpForwarder line, RunningJar one, RunningJar other, RunningJar third)
            throws IOException {
        for (RunningJar each : new RunningJar[] {one, other, third}) {
            until(() -> has(each, "refrain_shared_connected 1"));
        }
        int first = number(ask(one, "first"));
        int second = number(ask(one, "second"));
        until(() -> has(one, "refrain_shared_stores_total{result=\"taken\"} 2"));
        for (RunningJar each : new RunningJar[] {other, third}) {
            HttpResponse<String> hit = ask(each, "first");
            WireTest.assertHit(hit);
            assertThat(cacheStatus(hit)).startsWith("refrain-shared; hit");
            assertThat(number(hit)).isEqualTo(first);
            assertThat(number(ask(each, "second"))).isEqualTo(second);
        }

        line.cut(true);
        until(() -> has(third, "refrain_shared_connected 0"));
        assertThat(cacheStatus(ask(third, "another"))).contains("fwd=miss").contains("; detail=shared-unavailable");
        int newFirst = number(ask(other, "first", "X-OpenRouter-Cache-Clear", "true"));
        until(() -> number(ask(one, "first")) >= newFirst);
        HttpResponse<String> own = ask(third, "first");
        assertThat(number(own))
                .as("the answer that was stored before the process was cut off")
                .isEqualTo(first);
        assertThat(cacheStatus(own)).startsWith("refrain; hit");
        int newSecond = number(ask(third, "second", "X-OpenRouter-Cache-Clear", "true"));
        assertThat(newSecond).isGreaterThan(second);
        Path untold = folder.resolve("third/answers.refrain.unshared");
        until(() -> untold.toFile().length() > 0);

        third.kill().ended();
        assertThat(number(ask(one, "second"))).isEqualTo(second);
        line.cut(false);
        try (RunningJar again = start(provider, line.port(), "third")) {
            until(() -> has(again, "refrain_shared_connected 1"));
            // Until its removals are announced, the restarted process does not use the server, and calls the provider.
            assertThat(number(ask(again, "first"))).isGreaterThanOrEqualTo(newFirst);
            // The answer is the newer one of this process, or one that was fetched since: after a restart, a process
            // treats the removals that it has announced like those of another process.
            assertThat(number(ask(again, "second"))).isGreaterThanOrEqualTo(newSecond);
            until(() -> number(ask(one, "second")) > second && number(ask(other, "second")) > second);
            until(() -> untold.toFile().length() == 0);
        }
    }
}
