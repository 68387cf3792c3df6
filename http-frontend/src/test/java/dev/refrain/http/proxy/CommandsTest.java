package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.refrain.console.cli.Commands;
import dev.refrain.http.StoredAnswers;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The commands against a running Refrain. */
class CommandsTest extends AdminTest {
    private record Ended(int status, String out, String err) {}

    private Ended run(String input, Map<String, String> environment, String... arguments) {
        List<String> all = new ArrayList<>(List.of(arguments));
        // These commands read the store themselves, after the proxy has ended.
        boolean asksNobody = all.contains("export") || all.contains("import");
        if (!all.contains("--admin") && !asksNobody) {
            all.addAll(List.of("--admin", proxy.admin("").toString()));
        }
        Charset charset = Charset.defaultCharset();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int status = Commands.run(
                all.toArray(String[]::new),
                environment,
                new StoredAnswers(),
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
        // A server that is not Refrain's.
        Ended other = run("health", "--admin", "http://127.0.0.1:" + proxy.port());
        assertThat(other.status()).isEqualTo(1);
    }

    @Test
    void purgeAsksFirst() {
        proxy.cached(CHAT, chat("m", "1"));
        Ended refused = run("n\n", Map.of(), "purge", "--all");
        assertThat(refused.status()).isEqualTo(1);
        assertThat(refused.out()).matches("Remove all answers \\(1 answer, [0-9]+B\\)\\? \\[y/N\\] ");
        assertThat(run("", Map.of(), "purge", "--all").status()).isEqualTo(1);
        assertHit(proxy.cached(CHAT, chat("m", "1")));

        assertThat(run("y\n", Map.of(), "purge", "--model", "m").out()).contains("1 answer removed.");
        assertThat(run("purge", "--yes", "--model", "m").out().strip()).isEqualTo("0 answers removed.");
        assertThat(run("purge", "--yes").status()).isEqualTo(2);
        assertThat(run("purge", "--yes", "--all", "--model", "m").status()).isEqualTo(2);
    }

    @Test
    void summaryPrintsGroupsOrJson() throws IOException {
        proxy.cached(CHAT, chat("m", "1"));
        proxy.cached(CHAT, chat("m", "1"));
        proxy.cached(CHAT, chat("n", "1"));
        proxy.activity(3);
        assertThat(run("summary").out())
                .containsPattern("(?m)^m +2 +50.0 % +0 +21 +21 +- +-$")
                .containsPattern("(?m)^n +1 +0.0 % ")
                .containsPattern("(?m)^all +3 ");
        assertThat(run("summary", "--limit", "1", "--since", "24h").out()).contains("2 in all; --limit shows more.");
        assertThat(run("summary", "--by", "endpoint", "--until", "2020-01-01T00:00:00Z")
                        .out())
                .containsPattern("(?m)^all +0 ");
        assertThat(JSON.readTree(run("summary", "--by", "model", "--json").out())
                        .at("/total/requests/total")
                        .asInt())
                .isEqualTo(3);
        assertThat(run("summary", "--since", "yesterday").err()).contains("A time must be such as");
        assertThat(run("summary", "--by", "weather").err()).contains("by must be one of model, label");
    }

    @Test
    void entriesPrintsWhatIsStored() throws IOException {
        proxy.cached(CHAT, chat("m", "1"));
        proxy.cached(CHAT, chat("n", "1"));
        proxy.activity(2);
        assertThat(run("entries", "--model", "m").out())
                .containsPattern("(?m)^[0-9a-f]{12} +m +[0-9a-f]{12} +- +[0-9]+B +[0-9] +21 +")
                .contains("1 answers, ");
        assertThat(run("entries", "--limit", "1").out()).contains("2 answers, ", "; --limit shows more.");
        assertThat(JSON.readTree(run("entries", "--json").out())
                        .path("matching")
                        .asInt())
                .isEqualTo(2);
        assertThat(run("entries", "--sort", "colour").err()).contains("sort must be one of");
    }

    @Test
    void anExportIsImportedIntoAStoreWithTheSameSecret() throws IOException {
        proxy.cached(CHAT, chat("m", "1"));
        proxy.cached(CHAT, chat("n", "1"));
        proxy.close();
        String store = folder.resolve("answers.refrain").toString();
        String archive = folder.resolve("archive").toString();
        Ended written = run("export", "--to", archive, "--model", "m", "--store", store, "--capacity", "32MiB");
        assertThat(written.err()).isEmpty();
        assertThat(written.out()).startsWith(archive + ": 1 answer, ").contains("in 1 file");
        assertThat(folder.resolve("archive/secret")).doesNotExist();

        String other = folder.resolve("other.refrain").toString();
        String[] there = {"--store", other, "--capacity", "32MiB"};
        Ended refused = run("import", "--from", archive, there[0], there[1], there[2], there[3]);
        assertThat(refused.status()).isEqualTo(1);
        assertThat(refused.err()).contains("There is no store " + other, "--secret");
        assertThat(folder.resolve("other.refrain")).doesNotExist();
        Ended made = run(
                "import",
                "--from",
                archive,
                "--secret",
                store + ".secret",
                "--store",
                folder.resolve("third.refrain").toString(),
                there[2],
                there[3]);
        assertThat(made).extracting(Ended::status, Ended::err).containsExactly(0, "");
        assertThat(made.out()).contains("1 answer stored", "0 were there already");

        proxy = new RunningProxy(folder.resolve("third.refrain"), provider.base(), Map.of());
        assertHit(proxy.cached(CHAT, chat("m", "1")));
        assertMiss(proxy.cached(CHAT, chat("n", "1")));
    }

    /** An operator who backs a store up need not know its settings. */
    @Test
    void anExportWithoutTheCapacityLeavesTheStoreAsItIs() throws IOException {
        proxy.cached(CHAT, chat("m", "1"));
        proxy.close();
        Path store = folder.resolve("answers.refrain");
        long length = Files.size(store);
        String[] which = {"--store", store.toString(), "--since", "7d"};
        String archive = folder.resolve("archive").toString();
        assertThat(run("export", "--to", archive, which[0], which[1], which[2], which[3])
                        .out())
                .contains(": 1 answer, ");
        assertThat(store).hasSize(length);
        // As if the export had been aborted at a time when 7d had another meaning.
        Path manifest = folder.resolve("archive/archive.json");
        Files.writeString(
                manifest,
                Files.readString(manifest).replace("true", "false").replaceAll("(since\\D+)[0-9]{10,}", "$11000"));
        assertThat(run("export", "--to", archive, which[0], which[1], which[2], which[3])
                        .out())
                .contains(": 1 answer, ", "1 of them from an earlier run");
        assertThat(run("import", "--from", archive, which[0], which[1]).out()).contains("1 were there already");
        assertThat(store).hasSize(length);
        proxy = new RunningProxy(store, provider.base(), Map.of());
        assertHit(proxy.cached(CHAT, chat("m", "1")));
    }

    /** An empty list of scopes would select all of them. */
    @Test
    void aLabelThatNobodyHasExportsNothing() {
        proxy.cached(CHAT, chat("m", "1"));
        String archive = folder.resolve("archive").toString();
        String store = folder.resolve("answers.refrain").toString();
        String admin = proxy.admin("").toString();
        Ended ended = run("export", "--to", archive, "--label", "nobody", "--store", store, "--admin", admin);
        assertThat(ended.status()).isEqualTo(1);
        assertThat(ended.err()).contains("no request of the scope nobody");
        assertThat(folder.resolve("archive")).doesNotExist();
    }

    /** The tier, which knows of removals, cannot be reached. */
    @Test
    void aStoreOfAClusterIsReadWithoutTheCluster() throws IOException {
        proxy.cached(CHAT, chat("m", "1"));
        proxy.close();
        Path secret = Files.writeString(folder.resolve("cluster"), "x".repeat(40));
        Map<String, String> cluster =
                Map.of("REFRAIN_SHARED_URI", "redis://127.0.0.1:1", "REFRAIN_SHARED_SECRET_FILE", secret.toString());
        String store = folder.resolve("answers.refrain").toString();
        String archive = folder.resolve("archive").toString();
        assertThat(run("", cluster, "export", "--to", archive, "--store", store, "--with-secret")
                        .err())
                .contains("shared.secret-file");
        assertThat(run("", cluster, "export", "--to", archive, "--store", store))
                .extracting(Ended::status, Ended::err)
                .containsExactly(0, "");
        assertThat(folder.resolve("answers.refrain.shared")).doesNotExist();
        // The keys in that store were made with another secret.
        assertThat(run("import", "--from", archive, "--store", store).err()).contains("another secret");
    }

    @Test
    void anExportMayBringItsSecret() throws IOException {
        proxy.cached(CHAT, chat("m", "1"));
        proxy.close();
        String store = folder.resolve("answers.refrain").toString();
        String archive = folder.resolve("archive").toString();
        String[] size = {"--capacity", "32MiB"};
        run("export", "--to", archive, "--with-secret", "--store", store, size[0], size[1]);
        assertThat(folder.resolve("archive/secret"))
                .hasBinaryContent(Files.readAllBytes(folder.resolve("answers.refrain.secret")));
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("archive/secret"))))
                .isEqualTo("rw-------");
        String other = folder.resolve("other.refrain").toString();
        assertThat(run("import", "--from", archive, "--store", other, size[0], size[1])
                        .out())
                .contains("1 answer stored");
        assertThat(run("import", "--from", archive, "--store", other, size[0], size[1])
                        .out())
                .contains("0 answers stored", "1 were there already");
        proxy = new RunningProxy(folder.resolve("other.refrain"), provider.base(), Map.of());
        assertHit(proxy.cached(CHAT, chat("m", "1")));
    }

    @Test
    void anExportSaysWhatIsWrong() {
        proxy.close();
        String archive = folder.resolve("archive").toString();
        String nothing = folder.resolve("nothing.refrain").toString();
        assertThat(run("export", "--to", archive, "--store", nothing).err()).contains("There is no store " + nothing);
        assertThat(folder.resolve("nothing.refrain")).doesNotExist();
        assertThat(run("export", "--to", archive, "--stoer", nothing).err()).contains("did you mean --store");
        assertThat(run("export").status()).isEqualTo(2);
        assertThat(run("import", "--from", archive, "--secret", nothing).err()).contains("does not exist");
    }

    @Test
    void theSummaryOfRecordingsSoFar() throws IOException {
        assertThat(run("cassettes").err()).contains("names no folder");
        String recordings = folder.resolve("recordings").toString();
        restart(Map.of("REFRAIN_CASSETTES", recordings, "REFRAIN_CASSETTE_MODE", "record-missing"));
        proxy.send(proxy.post(CHAT, chat("m", "1")));
        proxy.send(proxy.post(CHAT, chat("m", "1")));
        assertThat(run("cassettes").out()).startsWith("refrain record-missing " + recordings + ": ");
        JsonNode facts = JSON.readTree(run("cassettes", "--json").out());
        assertThat(facts.path("recorded").asInt()).isEqualTo(1);
        assertThat(facts.path("played").asInt()).isEqualTo(1);
        assertThat(facts.path("tokens_saved").asInt()).isEqualTo(21);
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
    void anAddressWithoutAServerIsNamed() {
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
