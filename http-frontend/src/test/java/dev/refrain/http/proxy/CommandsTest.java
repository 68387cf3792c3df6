package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.console.cli.Commands;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The commands against a running Refrain. */
class CommandsTest extends AdminTest {
    private record Ended(int status, String out, String err) {}

    private Ended run(String input, Map<String, String> environment, String... arguments) {
        List<String> all = new ArrayList<>(List.of(arguments));
        if (!all.contains("--admin")) {
            all.addAll(List.of("--admin", proxy.admin("").toString()));
        }
        Charset charset = Charset.defaultCharset();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int status = Commands.run(
                all.toArray(String[]::new),
                environment,
                new ByteArrayInputStream(input.getBytes(charset)),
                new PrintStream(out, true, charset),
                new PrintStream(err, true, charset));
        return new Ended(status, out.toString(charset), err.toString(charset));
    }

    private Ended run(String... arguments) {
        return run("", Map.of(), arguments);
    }

    @Test
    void knowsItsCommands() {
        assertThat(Commands.isAskedFor("stats", "--json")).isTrue();
        assertThat(Commands.isAskedFor("--port", "0")).isFalse();
        assertThat(Commands.isAskedFor()).isFalse();
    }

    @Test
    void statsPrintsATableOrJson() throws IOException {
        proxy.cached(CHAT, CHAT_REQUEST);
        proxy.cached(CHAT, CHAT_REQUEST);
        proxy.activity(2);

        Ended table = run("stats");
        assertThat(table.status()).isZero();
        assertThat(table.err()).isEmpty();
        assertThat(table.out())
                .containsPattern("(?m)^chat +1 +0 +0 +1 +0 +0 +0 +2$")
                .contains("hit ratio        50.0 %", "tokens saved     21 (used 21)", "1 entries");
        assertThat(JSON.readTree(run("stats", "--json").out())
                        .at("/requests/hit")
                        .asInt())
                .isEqualTo(1);
    }

    @Test
    void healthIsAnExitStatus() {
        assertThat(run("health")).isEqualTo(new Ended(0, "ready: yes" + System.lineSeparator(), ""));
        assertThat(run("health", "--alive")).isEqualTo(new Ended(0, "alive: yes" + System.lineSeparator(), ""));
        Ended nobody = run("health", "--admin", "http://127.0.0.1:1");
        assertThat(nobody.status()).isEqualTo(1);
        assertThat(nobody.err()).contains("No answer from http://127.0.0.1:1.");
        // Another server than Refrain's.
        Ended other = run("health", "--admin", "http://127.0.0.1:" + proxy.port());
        assertThat(other.status()).isEqualTo(1);
    }

    @Test
    void purgeAsksFirst() {
        proxy.cached(CHAT, chat("m", "1"));
        Ended refused = run("n\n", Map.of(), "purge", "--all");
        assertThat(refused.status()).isEqualTo(1);
        assertThat(refused.out()).isEqualTo("Remove all answers? [y/N] ");
        assertThat(run("", Map.of(), "purge", "--all").status()).isEqualTo(1);
        assertHit(proxy.cached(CHAT, chat("m", "1")));

        assertThat(run("y\n", Map.of(), "purge", "--model", "m").out()).contains("1 answer removed.");
        assertThat(run("purge", "--yes", "--model", "m").out().strip()).isEqualTo("0 answers removed.");
        assertThat(run("purge", "--yes").status()).isEqualTo(2);
        assertThat(run("purge", "--yes", "--all", "--model", "m").status()).isEqualTo(2);
    }

    @Test
    void explainTakesAFileOrStandardInput() throws IOException {
        proxy.cached(CHAT, chat("m", "1"));
        Path file = Files.writeString(folder.resolve("body.json"), chat("m", "1"));
        String[] key = {"-H", "Authorization: Bearer sk-test"};
        assertThat(run("explain", key[0], key[1], file.toString()).out())
                .contains("a hit", "endpoint   chat", "entry ");
        Ended piped = run(chat("m", "2"), Map.of(), "explain", key[0], key[1], "--json");
        assertThat(JSON.readTree(piped.out()).path("caching").asText()).isEqualTo("on");
        assertThat(run("explain", "-H", "nonsense").status()).isEqualTo(1);
        assertThat(run("explain", folder.resolve("gone").toString()).err()).contains("does not exist");
    }

    @Test
    void theTokenComesFromAFlagOrTheEnvironment() throws IOException {
        restart(Map.of("REFRAIN_ADMIN_TOKEN", TOKEN));
        assertThat(run("stats").err()).contains("answered 401: Send Authorization");
        assertThat(run("stats", "--token", TOKEN).status()).isZero();
        assertThat(run("", Map.of("REFRAIN_ADMIN_TOKEN", TOKEN), "stats").status())
                .isZero();
    }

    @Test
    void whereNobodyAnswersIsSaid() {
        String nowhere = proxy.admin("").toString();
        proxy.close();
        assertThat(run("stats", "--admin", nowhere))
                .isEqualTo(new Ended(
                        1,
                        "",
                        "refrain: No answer from " + nowhere + ". Is Refrain running, and is --admin right?"
                                + System.lineSeparator()));
        assertThat(run("stats", "--admin", "nonsense").status()).isEqualTo(1);
    }
}
